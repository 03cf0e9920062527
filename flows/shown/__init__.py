"""What Prefect shows of our runs: names, tags, log, progress, events, assets."""
