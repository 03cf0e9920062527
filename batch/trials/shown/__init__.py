"""A trial's report for people: its texts and grids, on a terminal and as Markdown."""
