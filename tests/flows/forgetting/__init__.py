"""What becomes of a job's folder when the job is over."""
