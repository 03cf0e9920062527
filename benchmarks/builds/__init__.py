"""Ways of building the input files of 200,000 chat rows, each a program of its own that tells what it took."""
