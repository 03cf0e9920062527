"""Look at batches, and check that OpenAI lets us in."""

from itertools import chain, islice

from openai import APIConnectionError, APIStatusError, AuthenticationError, NotFoundError
from prefect import task

from ..batch.errors import AccessError, ModelNotFound
from ..batch.files.batches import Batch
from ..batch.requests.templates import is_template
from .options import KEPT_AS_JSON
from .remote.connection import PAGE, connect


@task(name="get-batch", **KEPT_AS_JSON)
def get_batch(batch_id: str, *, credentials: str | None = None) -> Batch:
    """One batch as it stands now, whoever started it.

    Example:
        ```python
        from prefect_openai_batch import get_batch, list_batches

        for batch in list_batches(limit=5):
            print(get_batch(batch.id).status)
        ```
    """
    with connect(credentials) as connection:
        return connection.batch(batch_id)


@task(name="list-batches", **KEPT_AS_JSON)
def list_batches(limit: int = 20, *, credentials: str | None = None) -> list[Batch]:
    """The newest batches of the project, whoever started them, the newest first.

    Example:
        ```python
        from prefect_openai_batch import list_batches

        still_open = [batch.id for batch in list_batches(limit=100) if batch.status == "in_progress"]
        ```
    """
    with connect(credentials) as connection:
        return list(islice(chain.from_iterable(connection.batch_pages(min(limit, PAGE))), limit))


@task(name="check-access", **KEPT_AS_JSON)
def check_access(model: str | None, *, credentials: str | None = None) -> None:
    """Make sure of key, server and model before anything is built or sent.

    A server without the route for models, or a key that may not ask for them, is taken at its word later on.

    Raises:
        AccessError: the key is refused, or the server cannot be reached.
        ModelNotFound: OpenAI does not know the model.
    """
    with connect(credentials) as connection:
        try:
            connection.check_models(None if model is None or is_template(model) else model)
        except AuthenticationError as error:
            if _lacks_scopes(error):
                return
            raise AccessError(
                f"{connection.base_url} refuses the API key: {error.message}", base_url=connection.base_url
            ) from None
        except APIConnectionError as error:
            raise AccessError(
                f"{connection.base_url} cannot be reached: {error.__cause__ or error}",
                base_url=connection.base_url,
            ) from None
        except NotFoundError as error:
            if error.code == "model_not_found":
                raise ModelNotFound(
                    f"The model {model!r} is not known at {connection.base_url}: {error.message}", model=model
                ) from None
        except APIStatusError:
            return


def _lacks_scopes(error: AuthenticationError) -> bool:
    """Whether the key is known, and only may not ask for models: OpenAI answers 401 for that too."""
    return error.code == "missing_scope" or "missing scope" in error.message.lower()
