"""Every option of the server, in one frozen model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

Profile = Literal["openai", "azure", "foreign"]


class Frozen(BaseModel):
    """A model that cannot change and knows no extra fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _names(given: object) -> object:
    """Names of models, which the command line gives as one text."""
    return tuple(name for part in given.split(",") if (name := part.strip())) if isinstance(given, str) else given


class Timing(Frozen):
    """How many seconds on the server's clock each stage of a batch takes."""

    validating: float = Field(0.2, ge=0, description="From creation to in_progress, or to failed.")
    running: float = Field(
        0.5, ge=0, description="From in_progress to finalizing: the lines spread evenly over it."
    )
    finalizing: float = Field(0.2, ge=0, description="From finalizing to completed.")
    cancelling: float = Field(0.5, ge=0, description="From cancelling to cancelled.")
    expiring: float = Field(0.5, ge=0, description="From finalizing to expired, once the window has passed.")

    @classmethod
    def real(cls) -> "Timing":
        """The times that were measured on OpenAI's own service: a minute to validate, ten to cancel."""
        return cls(validating=61, running=130, finalizing=1, cancelling=606, expiring=606)


class Limits(Frozen):
    """What the server takes before it refuses; OpenAI's published limits by default."""

    lines: int = Field(50_000, ge=1, description="Lines in one input file.")
    input_bytes: int = Field(200_000_000, ge=1, description="Bytes of one file of purpose batch.")
    file_bytes: int = Field(512_000_000, ge=1, description="Bytes of any other file.")
    storage_bytes: int = Field(2_500_000_000_000, ge=1, description="Bytes of all files together.")
    embedding_inputs: int = Field(50_000, ge=1, description="Embedding inputs over all lines of one batch.")
    enqueued_tokens: dict[str, int] = Field(
        default_factory=dict,
        description="Prompt tokens of open batches, for each model; the key '*' stands for every other model.",
    )
    enqueued_embedding_requests: int = Field(1_000_000, ge=1, description="Lines of open embeddings batches.")
    batches_an_hour: int = Field(2_000, ge=0, description="Batches created in any hour.")
    uploads_a_minute: int = Field(1_000, ge=0, description="Files uploaded in any minute.")
    requests_a_minute: int | None = Field(None, ge=0, description="Requests of any kind in any minute.")
    upload_bytes: int = Field(8_000_000_000, ge=1, description="Bytes of one Upload.")
    part_bytes: int = Field(64_000_000 + 4_000_000, ge=1, description="Bytes of one part of an Upload.")


class ServerSettings(Frozen):
    """The options of the local Batch API server."""

    host: str = Field("127.0.0.1", description="Address to listen on; loopback unless told otherwise.")
    port: int = Field(0, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    data: Path | None = Field(None, description="Folder that keeps files and batches; a temporary one if absent.")
    key: str | None = Field(None, min_length=1, description="The only API key to accept; any if absent.")
    token_seconds: float | None = Field(
        None,
        gt=0,
        description="Take only tokens that this server has given, as Entra ID does; they live so long. The key is "
        "then the secret that they are given for.",
    )
    header: str | None = Field(
        None, pattern=":", description="A header that every request must bear, as 'Name: value'."
    )
    query: str | None = Field(
        None, pattern="=", description="A query parameter that every request must bear, as name=value."
    )
    certificate: Path | None = Field(
        None, description="A PEM file of a certificate and its key, to speak HTTPS with."
    )
    speed: float = Field(1.0, ge=0, description="Seconds on the server's clock a true second; 0: moved by hand.")
    profile: Profile = Field("openai", description="Whose objects to send: openai, azure, or a mix of others'.")
    seed: int = Field(0, description="Decides the order of lines in outputs.")
    faults: Path | None = Field(None, description="A JSON file of faults, as PUT /emulator/faults takes them.")
    answers: str = Field(
        "rules", description="'rules', 'echo', a JSON file of canned answers, or 'module:function'."
    )
    models: Annotated[tuple[str, ...], BeforeValidator(_names)] | None = Field(
        None, description="The models to know instead of OpenAI's, separated by commas; * is every name."
    )
    upstream: str | None = Field(
        None, description="Base URL of a server that answers the lines, such as Ollama's."
    )
    upstream_key: str = Field("none", description="The key for the upstream server.")
    upstream_model: str | None = Field(None, description="The model to ask upstream; the line's own if absent.")
    upstream_concurrency: int = Field(8, ge=1, le=1000, description="Lines asked upstream at once.")
    upstream_timeout: float = Field(600, gt=0, description="True seconds to wait for one answer from upstream.")
    webhook_url: str | None = Field(None, description="Where to send batch.completed and its like.")
    webhook_secret: str = Field(
        "whsec_bG9jYWwtYmF0Y2gtYXBpLXNlcnZlci1zZWNyZXQ=", description="What webhooks are signed with."
    )
    timing: Timing = Field(default_factory=Timing, description="Seconds that each stage of a batch takes.")
    limits: Limits = Field(default_factory=Limits, description="What is refused.")

    @property
    def any_model(self) -> bool:
        """Whether every model's name is taken: Azure's are deployments, and others know their own."""
        return "*" in (self.models or ()) or (
            self.models is None and (self.upstream is not None or self.profile != "openai")
        )


class SettingError(OSError, ValueError):
    """What a setting gives cannot be used; `setting` is its name, `why` says what is wrong with it."""

    def __init__(self, setting: str, why: str) -> None:
        super().__init__(f"{setting}: {why}")
        self.setting, self.why = setting, why


@contextmanager
def setting_used(settings: ServerSettings, name: str) -> Iterator[None]:
    """Let what goes wrong in the block, which uses a setting's file or name, say which setting it is."""
    try:
        yield
    except (OSError, ValueError, ImportError, AttributeError) as error:
        told = error.strerror if isinstance(error, OSError) else None
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            told = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        raise SettingError(name, f"{getattr(settings, name)}: {told or error}") from error
