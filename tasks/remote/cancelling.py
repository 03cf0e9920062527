"""Cancel a batch at OpenAI."""

from openai import APIStatusError, OpenAI

from ...batch.files.batches import Batch, read_batch


def send_cancel(client: OpenAI, batch_id: str) -> Batch:
    """Cancel one batch; OpenAI answers 409 where it has ended, which the SDK would retry."""
    try:
        return read_batch(client.with_options(max_retries=0).batches.cancel(batch_id))
    except APIStatusError as error:
        if error.status_code != 409:
            raise
        return read_batch(client.batches.retrieve(batch_id))
