"""What is sent of a round: its items built, in batches or asked at once."""
