"""Only what is new: how far a table was taken, and which of its rows were, where that does not tell."""
