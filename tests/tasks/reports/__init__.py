"""What Prefect is shown of a job."""
