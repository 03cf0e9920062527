"""Tables: where rows come from, where they are kept, and where results go."""
