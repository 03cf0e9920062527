"""Lines of the usual shape, read straight into columns."""
