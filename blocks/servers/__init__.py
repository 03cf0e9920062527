"""A server of Prefect's where none is named."""
