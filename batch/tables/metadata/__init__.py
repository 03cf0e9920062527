"""What a Parquet file says of its columns beside their types."""
