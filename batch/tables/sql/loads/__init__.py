"""A table of results brought into a database: through a staging table, and by one transaction."""
