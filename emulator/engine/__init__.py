"""What happens to batches: their records and clock-driven lives, their lines executed, their bill and webhooks."""
