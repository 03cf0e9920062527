"""What `prefect.yaml` says, what is on Prefect's server, and how the one becomes the other; hands are heeded."""
