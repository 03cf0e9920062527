"""What a job knows: its folder, opening, rounds, submissions, stops, deadlines, results, report, recovery."""
