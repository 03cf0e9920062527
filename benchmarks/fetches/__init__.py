"""Reading output files: the jobs and files that are read, and the programs that read them."""
