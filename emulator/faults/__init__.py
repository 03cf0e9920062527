"""What goes wrong by script: with calls, with batches, with lines."""
