"""The answer store: a million answers kept and looked up."""
