"""`answers`: what an answer store holds, pruned and forgotten."""
