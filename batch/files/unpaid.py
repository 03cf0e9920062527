"""What stands in place of a batch's id where nothing was sent, and nothing paid."""

STORE = "store"
"""The answer was taken from an answer store."""

COPY = "copy"
"""It is the answer of another row, which sent the very same."""

UNPAID = (STORE, COPY)
