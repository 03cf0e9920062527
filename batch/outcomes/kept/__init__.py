"""Outcomes as they are kept: in Arrow's file format, vectors as their bytes."""
