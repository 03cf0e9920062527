"""What time it is. Ask `clock.now()` by that name: tests drive it."""

import time

now = time.time
"""The time in Unix seconds."""
