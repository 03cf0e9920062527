"""What became of each row: answers, outcomes, token counts."""
