"""What a job will cost and may cost: estimates before it, a budget that holds while it runs."""
