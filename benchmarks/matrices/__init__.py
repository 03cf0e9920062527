"""Tables of what must hold whatever happens: kills, faults, races, budgets, engines."""
