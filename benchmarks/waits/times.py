"""How long our automations wait where a day is to pass in minutes."""

from prefect_openai_batch.deployments.automations import Times

TIMES = Times(looks=(10.0, 10.0, 10.0), lost=75.0)
"""As short as Prefect takes them; longer than two heartbeats of 30 seconds."""
