"""What is found in the outcomes of a job, in one pass and in bounded memory: numbers only, and no page yet."""
