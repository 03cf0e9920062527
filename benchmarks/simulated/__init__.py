"""What the simulation stands on: a model of OpenAI, and files that hold no rows."""
