"""What travels: input files, output files, batches."""
