"""Outcomes row by row: the latest of each, and why some have no answer."""
