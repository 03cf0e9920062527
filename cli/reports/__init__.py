"""`--report`: the report of a job as a page in one file."""
