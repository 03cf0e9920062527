"""Where a command writes its table."""
