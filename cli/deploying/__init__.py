"""`deploy`, `deployments` and `automations`: what is to be on a Prefect server."""
