"""How it runs on a server: `prefect.yaml` and the request files it names."""
