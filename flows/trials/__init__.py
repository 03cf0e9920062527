"""A trial: some rows answered at once, from Python and as a deployable flow."""
