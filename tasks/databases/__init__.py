"""What is asked of a database: whether a table takes the results, and to take them."""

from .check import check_table
from .load import load_results

__all__ = ["check_table", "load_results"]
