"""What a person sees in Prefect's UI, in a real browser."""
