"""Rows that are not sent: an answer store has their answers, or another row of the job sends the very same."""
