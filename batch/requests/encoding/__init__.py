"""Bodies of many rows at once: what is constant in them is encoded once, and the rows' texts are joined to it."""
