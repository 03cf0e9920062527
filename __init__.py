"""prefect-openai-batch."""
