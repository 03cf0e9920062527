"""The answer store, and repeats sent once, in whole runs."""
