"""`forget`: what is kept of a job, removed."""
