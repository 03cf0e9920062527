"""What databases take: rows read from them."""
