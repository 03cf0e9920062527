"""Tables in many files."""
