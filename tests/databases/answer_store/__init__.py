"""What is kept in the database of an answer store: answers, and marks."""
