"""How it runs on a server: deployments (`prefect.yaml`), automations, and the receiver of OpenAI's webhooks."""
