"""How far a table was taken, told for the runs to come."""

from .moving import keep_mark

__all__ = ["keep_mark"]
