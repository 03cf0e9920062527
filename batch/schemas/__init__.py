"""What each row's answer is: its schema, the columns it is spread into, and whether an answer keeps to it."""
