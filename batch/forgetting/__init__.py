"""What becomes of a job's folder when the job is over: emptied after some days, or forgotten when it is asked."""
