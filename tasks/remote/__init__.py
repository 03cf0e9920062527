"""What the tasks ask of OpenAI: each call, how often it is tried, and what is made of its answer."""
