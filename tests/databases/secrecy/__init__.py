"""No password anywhere: jobs from and into databases fail in each way, and all that they leave is searched."""
