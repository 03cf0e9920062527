"""Tables in many files: which files a path means, read as one table, and a table written as a folder of files."""
