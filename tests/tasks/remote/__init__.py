"""What the tasks ask of OpenAI."""
