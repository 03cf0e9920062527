"""Input files on their way to OpenAI: which may go now, how much room there is, what becomes of one without."""
