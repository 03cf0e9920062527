"""A trial: some rows of a table asked at once, what came of them, and what the whole table would cost."""
