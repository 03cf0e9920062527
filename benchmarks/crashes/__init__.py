"""The parts of the crash matrix: a job that is killed at a point, started again, and looked into."""
