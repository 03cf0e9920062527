"""Where a job's results go: into a table of a database, or elsewhere than when it was begun."""
