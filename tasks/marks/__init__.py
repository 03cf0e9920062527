"""How far a table was taken, told for the runs to come."""

from .moving import keep_mark, mark_stands

__all__ = ["keep_mark", "mark_stands"]
