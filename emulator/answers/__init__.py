"""What is said to a request, and how it is written: answerers, bodies, and the lines of output files."""
