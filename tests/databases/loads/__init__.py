"""Results brought into databases."""
