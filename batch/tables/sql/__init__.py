"""Tables of databases, in and out."""
