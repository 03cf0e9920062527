"""How Prefect shows the tasks: what their runs are called, and the lines that it logs of them."""
