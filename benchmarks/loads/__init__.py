"""A job's results brought into a database by a process that is killed, and by another after it."""
