"""The wait that costs nothing: whether a run may suspend, when it is looked at again, and what wakes it."""
