"""`emulator`: the local Batch API server."""
