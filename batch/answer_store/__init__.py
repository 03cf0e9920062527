"""Answers kept across jobs, by the digest of what was sent and of the server it was sent to."""
