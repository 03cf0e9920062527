"""What is kept of a job, and how it is removed: on demand, and some days after the end."""
