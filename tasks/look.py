"""Look at batches, and check that OpenAI lets us in."""

from collections.abc import Iterator
from itertools import chain, islice
from socket import gaierror
from ssl import SSLCertVerificationError

from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
)
from prefect import task

from ..batch.errors import AccessError, ModelNotFound
from ..batch.files.batches import Batch
from ..batch.requests.templates import is_template
from ..blocks.tokens import NoToken
from .options import KEPT_AS_JSON
from .remote.account import names_the_address
from .remote.connection import PAGE, Connection, connect
from .remote.tries import FINDING
from .shown.run_names import named

ADDRESS = "It is --base-url, OPENAI_BASE_URL or the credentials block's base_url"
"""Where an address comes from."""


@task(name="get-batch", **KEPT_AS_JSON)
def get_batch(batch_id: str, *, credentials: str | None = None) -> Batch:
    """One batch as it stands now, whoever started it.

    Raises:
        BatchUnknown: OpenAI does not know it.

    Example:
        ```python
        from prefect_openai_batch import get_batch, list_batches

        for batch in list_batches(limit=5):
            print(get_batch(batch.id).status)
        ```
    """
    with connect(credentials) as connection:
        return FINDING.call(connection.batch, batch_id)


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


@task(name="check-access", task_run_name=named("check access"), **KEPT_AS_JSON)
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
            if not _lacks_scopes(error):
                raise AccessError(explain(error), base_url=connection.base_url) from None
        except APIConnectionError as error:
            raise AccessError(explain(error), base_url=connection.base_url) from None
        except NotFoundError as error:
            if error.code == "model_not_found":
                raise ModelNotFound(
                    f"The model {model!r} is not known at {connection.base_url}, or the account may not use it.",
                    model=model,
                ) from None
            _check_batches(connection)
        except PermissionDeniedError:
            _check_batches(connection)
        except APIStatusError:
            return


def _check_batches(connection: Connection) -> None:
    """Tell who may not ask for models, or a server without that route, from a wrong address or account."""
    try:
        next(connection.batch_pages(1), None)
    except (NotFoundError, PermissionDeniedError) as error:
        raise AccessError(explain(error), base_url=connection.base_url) from None
    except APIError:
        return


def explain(error: APIError) -> str:
    """What a call to OpenAI came to, where, and the way out: for a person, in one line."""
    url = error.request.url
    where = f"{url.scheme}://{url.netloc.decode()}"
    if isinstance(error, NoToken):
        return error.message
    if isinstance(error, APITimeoutError):
        return f"{where} did not answer in time. Try again; the credentials block may hold a longer time-out."
    if isinstance(error, APIConnectionError):
        return _unreached(where, list(_chain(error)))
    if isinstance(error, AuthenticationError):
        return f"{where} refuses the API key: {error.message}"
    if isinstance(error, NotFoundError) and _knows_no_route(error):
        return (
            f"{error.request.method} {url} is answered with 404: {error.message} Is the address right? "
            f"{ADDRESS}, and most end in /v1."
        )
    return f"{error.request.method} {url}: {error.message}"


def _knows_no_route(error: NotFoundError) -> bool:
    """Whether it is the address that is not known, not the batch or the file; other servers word it their way."""
    named = isinstance(error.body, dict) and bool(error.body.get("message"))
    return not named or names_the_address(error)


def _unreached(where: str, causes: list[BaseException]) -> str:
    why = next((str(cause) for cause in causes[1:] if str(cause)), str(causes[0])).rstrip(".")
    if any(isinstance(cause, SSLCertVerificationError) for cause in causes):
        return (
            f"{where} cannot be reached: its certificate is not trusted ({why}). Where it is your own server's or "
            "proxy's, name the authority's file by SSL_CERT_FILE."
        )
    if any(isinstance(cause, gaierror) for cause in causes):
        return f"{where} cannot be reached: its name does not resolve ({why}). {ADDRESS}; else see to the network."
    return f"{where} cannot be reached: {why}. {ADDRESS}; a proxy is named by HTTPS_PROXY."


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error with those that it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _lacks_scopes(error: AuthenticationError) -> bool:
    """Whether the key is known, and only may not ask for models: OpenAI answers 401 for that too."""
    return error.code == "missing_scope" or "missing scope" in error.message.lower()
