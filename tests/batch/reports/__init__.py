"""Reports of jobs: what is found, drawn and escaped."""
