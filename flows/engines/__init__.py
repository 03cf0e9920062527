"""The flow on threads, processes, Dask and Ray, none of which it knows by name."""
