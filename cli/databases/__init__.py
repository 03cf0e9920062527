"""Tables of databases on the command line."""
