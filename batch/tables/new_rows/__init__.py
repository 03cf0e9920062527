"""A table read for its new rows alone, in batches, as any other."""
