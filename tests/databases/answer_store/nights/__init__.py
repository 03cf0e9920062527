"""A table that grows for ten nights, and a job over what is new of it each night."""
