"""The flow on a clock that runs as fast as the server's, so that a day passes in minutes."""

import os
import time
from typing import Any

from prefect_openai_batch.batch import clock
from prefect_openai_batch.flows.job import openai_batch
from prefect_openai_batch.flows.sending import flight
from prefect_openai_batch.tasks import sensor_options

BEGUN = float(os.environ["DAY_BEGUN"])
SPEED = float(os.environ["DAY_SPEED"])


def fast_now() -> float:
    """What the server's clock shows."""
    return BEGUN + (time.time() - BEGUN) * SPEED


def fast_options(*arguments: Any, **options: Any) -> dict[str, Any]:
    """A sensor's retries, each delay as much shorter as the clock is faster."""
    made = sensor_options(*arguments, **options)
    return {**made, "retry_delay_seconds": [delay / SPEED for delay in made["retry_delay_seconds"]]}


clock.now = fast_now
vars(flight)["sensor_options"] = fast_options

__all__ = ["openai_batch"]
