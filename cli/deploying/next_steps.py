"""What a person types or opens once everything is deployed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...deployments.deploying.steps import Step

FORMS = ("form", "on-demand")
"""The deployments that a person starts by hand; the first that is there is named."""

EVENTS = "batch.completed, batch.failed, batch.expired and batch.cancelled"
"""What OpenAI is to tell of."""


NO_ANSWER = "it does not answer yet"


def next_steps(steps: "Sequence[Step]", webhook: str | None) -> Iterator[str]:
    """Lines that say how to go on.

    Args:
        steps: What was deployed.
        webhook: Where OpenAI will reach the receiver, where that was asked for now.
    """
    brisk = "PREFECT_WORKER_QUERY_SECONDS=1 " if webhook else ""  # else it asks every ten
    for pool in (step.name for step in steps if step.kind == "work pool"):
        yield f"start a worker   {brisk}prefect worker start --pool {pool}"
    if form := _form(steps):
        yield f"open the form    {form}"
    if webhook:
        yield "receive webhooks prefect-openai-batch webhook     # with OPENAI_WEBHOOK_SECRET, behind a proxy"
        yield f"name at OpenAI   {webhook}     # {_answer_of(webhook)}"
        yield f"                 for {EVENTS}"


def _form(steps: "Sequence[Step]") -> str | None:
    """Where the form is in Prefect's UI."""
    from prefect.client.orchestration import get_client

    from ...deployments.deploying.links import deployment_address

    names = {step.name.rpartition("/")[2]: step.name for step in steps if step.kind == "deployment"}
    name = next((names[form] for form in FORMS if form in names), None)
    if name is None:
        return None
    with get_client(sync_client=True) as client:
        return deployment_address(client.read_deployment_by_name(name).id, form=True)


def _answer_of(webhook: str) -> str:
    """What the receiver there says of itself, as far as this machine can tell."""
    import httpx

    from ...deployments.webhook.receiver import KEPT

    try:
        answer = httpx.get(f"{webhook.rstrip('/')}/health", timeout=5)
    except httpx.HTTPError:
        return NO_ANSWER
    if not answer.is_success:
        return NO_ANSWER
    return f"it answers; {answer.text}" if answer.text.startswith(KEPT) else "it answers"
