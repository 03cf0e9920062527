"""What a batch is, with no Prefect and no OpenAI client in it."""
