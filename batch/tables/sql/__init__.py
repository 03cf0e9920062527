"""Databases as sources, read once in one snapshot, and as destinations, written in one transaction."""
