"""Real databases: PostgreSQL, and SQLite."""
