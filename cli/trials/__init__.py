"""`try`: some rows answered at once, and what the whole table would cost."""
