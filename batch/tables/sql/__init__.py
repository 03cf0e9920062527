"""Databases as sources: a query or a table, described, read once in one snapshot, and made Arrow's columns."""
