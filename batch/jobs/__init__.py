"""What a job knows: its folder, opening, rounds, submissions, deadlines, results, report."""
