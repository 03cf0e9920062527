"""Look at batches, and check that OpenAI lets us in."""

from itertools import islice

from openai import APIConnectionError, APIStatusError, AuthenticationError, NotFoundError
from prefect import task

from ..batch.errors import AccessError, ModelNotFound
from ..batch.files.batches import Batch, read_batch
from ..batch.requests.templates import is_template
from ..blocks import load_credentials
from .remote.retrying import KEPT_AS_JSON, RETRIED


@task(name="get-batch", **KEPT_AS_JSON, **RETRIED)
def get_batch(batch_id: str, *, credentials: str | None = None) -> Batch:
    """One batch as it stands now, whoever started it.

    Example:
        ```python
        from prefect_openai_batch import get_batch, list_batches

        for batch in list_batches(limit=5):
            print(get_batch(batch.id).status)
        ```
    """
    with load_credentials(credentials).get_client() as client:
        return read_batch(client.batches.retrieve(batch_id))


@task(name="list-batches", **KEPT_AS_JSON, **RETRIED)
def list_batches(limit: int = 20, *, credentials: str | None = None) -> list[Batch]:
    """The newest batches of the project, whoever started them, the newest first.

    Example:
        ```python
        from prefect_openai_batch import list_batches

        still_open = [batch.id for batch in list_batches(limit=100) if batch.status == "in_progress"]
        ```
    """
    with load_credentials(credentials).get_client() as client:
        pages = client.batches.list(limit=min(limit, 100))
        return [read_batch(batch) for batch in islice(pages, limit)]


@task(name="check-access", **KEPT_AS_JSON)
def check_access(model: str | None, *, credentials: str | None = None) -> None:
    """Make sure of key, server and model before anything is built or sent.

    A server without the route for models is taken at its word later on.

    Raises:
        AccessError: the key is refused, or the server cannot be reached.
        ModelNotFound: OpenAI does not know the model.
    """
    with load_credentials(credentials).get_client() as client:
        try:
            if model is None or is_template(model):
                client.models.list()
            else:
                client.models.retrieve(model)
        except AuthenticationError as error:
            raise AccessError(
                f"{client.base_url} refuses the API key: {error.message}", base_url=str(client.base_url)
            ) from None
        except APIConnectionError as error:
            raise AccessError(
                f"{client.base_url} cannot be reached: {error.__cause__ or error}",
                base_url=str(client.base_url),
            ) from None
        except NotFoundError as error:
            if error.code == "model_not_found":
                raise ModelNotFound(
                    f"The model {model!r} is not known at {client.base_url}: {error.message}", model=model
                ) from None
        except APIStatusError:
            return
