"""The parts of the benchmark of engines: what they are, a job on each, and what is killed of them."""
