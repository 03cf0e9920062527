"""The server's HTTP: one module a kind of route, the gate before them, and what clients see."""
