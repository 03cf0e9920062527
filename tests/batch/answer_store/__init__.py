"""The answer store without a database."""
