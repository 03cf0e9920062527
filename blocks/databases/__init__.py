"""Databases by name: the name travels, never the URL with its password."""

from .answer_stores import existing_store, keep_answers, open_store, open_store_of
from .names import database_engine, database_url

__all__ = [
    "database_engine",
    "database_url",
    "existing_store",
    "keep_answers",
    "open_store",
    "open_store_of",
]
