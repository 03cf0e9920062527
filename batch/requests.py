"""How a row becomes an item: the request models, as a person fills them in or a file holds them.

Texts are Jinja templates over the row's columns. `Request` is the union of the models, told apart by `kind`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from .bodies import compile_request
from .endpoints import Endpoint
from .items import BatchItem


def _import_path(function: Any) -> Any:
    """The import path of a Python function, so that any worker can load it."""
    if not callable(function):
        return function
    path = f"{function.__module__}:{function.__qualname__}"
    if "<" in path:
        raise ValueError(f"{function.__qualname__} has no import path: define it at the top of a module")
    return path


def _shared_fields_last(schema: dict[str, Any]) -> None:
    """In a form, what all requests share stands below what makes each its own."""
    fields = schema.get("properties", {})
    own = {name: field for name, field in fields.items() if name not in BaseRequest.model_fields}
    first = {"kind": own["kind"]} if "kind" in own else {}
    schema["properties"] = {**first, **own, **fields}


class BaseRequest(BaseModel, ABC):
    """What all requests share."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_shared_fields_last)

    own_fields: ClassVar[frozenset[str]] = frozenset({"model", "stream"})
    """Body fields that are set elsewhere than in `parameters`, or that batches do not take."""

    parameters: dict[str, Any] = Field(
        default_factory=dict,
        title="Parameters",
        description="Further fields of the body, sent as they stand: temperature, max_completion_tokens, "
        "reasoning_effort, tools, response_format, …",
        examples=[{"temperature": 0, "max_completion_tokens": 100}],
    )
    id_column: str | None = Field(
        default=None,
        title="Id column",
        description="The column whose values become the custom_ids; they must differ. "
        "Without one, ids are made from each row's position and content.",
        examples=["review_id"],
    )
    function: Annotated[str | None, BeforeValidator(_import_path)] = Field(
        default=None,
        title="Function",
        description="Import path of a Python function that takes a row (a mapping) and returns the body, or "
        "the messages; it replaces the templates. Every worker must be able to import it.",
        examples=["my_package.prompts:ask_about_review"],
        pattern=r"^[\w.]+:[\w.]+$",
    )
    constant_prompt: bool = Field(
        default=False,
        title="Constant prompt",
        description="Say yes where every row is to be sent the same text: else a template that uses no "
        "column is refused.",
    )
    keep_response: bool = Field(
        default=False,
        title="Keep the whole response",
        description="Adds the column `response`: the whole body of each answer, as JSON text.",
    )

    @property
    @abstractmethod
    def endpoint(self) -> Endpoint:
        """The endpoint that the items are sent to."""

    @property
    def ready_column(self) -> str | None:
        """The column that holds the whole body ready-made, if any."""
        return None

    @abstractmethod
    def body_template(self) -> dict[str, Any]:
        """The body whose strings are templates, without `parameters`."""

    @abstractmethod
    def body_of(self, returned: Any) -> dict[str, Any]:
        """The body from what `function` returned."""

    @field_validator("parameters")
    @classmethod
    def _no_own_fields(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        clash = sorted(cls.own_fields & parameters.keys())
        if clash == ["stream"]:
            raise ValueError("batches do not stream: leave `stream` out")
        if clash:
            raise ValueError(f"{clash[0]!r} is a field of the request itself, not one of its parameters")
        return parameters

    def item(self, custom_id: str, row: Mapping[str, Any] | None = None) -> BatchItem:
        """One item by hand, of a row's columns if the templates use any.

        Raises:
            RequestError: a template names a column that `row` does not have.
        """
        values = dict(row or {})
        return BatchItem(
            custom_id=custom_id,
            url=self.endpoint,
            body=compile_request(self, tuple(values), by_hand=True).make(values),
        )


def _model_field(example: str) -> Any:
    return Field(
        title="Model",
        description="The model's name, or a template for rows with models of their own: {{ model }}. "
        "Each model's rows go to input files of their own.",
        examples=[example],
        min_length=1,
    )


class _PromptRequest(BaseRequest):
    """What chat and responses share: a prompt, or a whole conversation, and perhaps an image."""

    model: str = _model_field("gpt-5-mini")
    prompt: str | None = Field(
        default=None,
        title="Prompt",
        description="What each row's model is asked: a Jinja template over its columns. "
        'A column with blanks in its name is read as {{ row["Review text"] }}.',
        examples=["Is this review positive or negative? {{ review }}"],
    )
    image: str | None = Field(
        default=None,
        title="Image",
        description="A template that gives a link to an image, or a data URL, sent along with the prompt.",
        examples=["{{ photo_url }}"],
    )

    @model_validator(mode="after")
    def _one_way_to_ask(self) -> "_PromptRequest":
        ways = [self.prompt, self._conversation(), self.function]
        if sum(way is not None for way in ways) != 1:
            raise ValueError(f"give one of prompt, {self._conversation_field} and function")
        return self

    _conversation_field: ClassVar[str]

    def _conversation(self) -> Any:
        return getattr(self, self._conversation_field)


class ChatRequest(_PromptRequest):
    """Ask a model by chat completions."""

    kind: Literal["chat"] = Field(default="chat", title="Kind")
    system: str | None = Field(
        default=None,
        title="System message",
        description="What stands before the prompt in each conversation; a template too.",
        examples=["You label product reviews. Answer with one word."],
    )
    messages: list[dict[str, Any]] | None = Field(
        default=None,
        title="Messages",
        description="A whole conversation in place of prompt, system and image; its strings are templates.",
        examples=[[{"role": "user", "content": "Translate into French: {{ text }}"}]],
    )

    own_fields: ClassVar[frozenset[str]] = frozenset({"model", "stream", "messages"})
    _conversation_field: ClassVar[str] = "messages"

    @property
    def endpoint(self) -> Endpoint:
        """Chat completions."""
        return Endpoint.CHAT_COMPLETIONS

    def body_template(self) -> dict[str, Any]:
        """The model and the messages."""
        return {"model": self.model, "messages": self._messages()}

    def _messages(self) -> list[dict[str, Any]]:
        if self.messages is not None:
            return self.messages
        content: Any = self.prompt
        if self.image is not None:
            content = [
                {"type": "text", "text": self.prompt},
                {"type": "image_url", "image_url": {"url": self.image}},
            ]
        user = {"role": "user", "content": content}
        return [user] if self.system is None else [{"role": "system", "content": self.system}, user]

    def body_of(self, returned: Any) -> dict[str, Any]:
        """A list is the messages, a text the prompt, a mapping the body."""
        if isinstance(returned, str):
            returned = [{"role": "user", "content": returned}]
        return {"messages": returned} if isinstance(returned, list) else dict(returned)


class ResponsesRequest(_PromptRequest):
    """Ask a model by the Responses API."""

    kind: Literal["responses"] = Field(default="responses", title="Kind")
    instructions: str | None = Field(
        default=None,
        title="Instructions",
        description="What the model is told before the prompt; a template too.",
        examples=["You label product reviews. Answer with one word."],
    )
    input: list[dict[str, Any]] | None = Field(
        default=None,
        title="Input",
        description="A whole list of input items in place of prompt and image; its strings are templates.",
        examples=[[{"role": "user", "content": "Translate into French: {{ text }}"}]],
    )

    own_fields: ClassVar[frozenset[str]] = frozenset({"model", "stream", "input", "instructions"})
    _conversation_field: ClassVar[str] = "input"

    @property
    def endpoint(self) -> Endpoint:
        """Responses."""
        return Endpoint.RESPONSES

    def body_template(self) -> dict[str, Any]:
        """The model, the instructions and the input."""
        body = {"model": self.model, "instructions": self.instructions, "input": self._input()}
        return {name: value for name, value in body.items() if value is not None}

    def _input(self) -> Any:
        if self.input is not None:
            return self.input
        if self.image is None:
            return self.prompt
        content = [
            {"type": "input_text", "text": self.prompt},
            {"type": "input_image", "image_url": self.image},
        ]
        return [{"role": "user", "content": content}]

    def body_of(self, returned: Any) -> dict[str, Any]:
        """A list is the input items, a text the prompt, a mapping the body."""
        return {"input": returned} if isinstance(returned, str | list) else dict(returned)


class EmbeddingRequest(BaseRequest):
    """Turn a text of each row into a vector."""

    kind: Literal["embedding"] = Field(default="embedding", title="Kind")
    model: str = _model_field("text-embedding-3-small")
    input: str | None = Field(
        default=None,
        title="Input",
        description="The text to embed: a Jinja template over the row's columns.",
        examples=["{{ title }}\n{{ body }}"],
    )
    dimensions: int | None = Field(
        default=None,
        ge=1,
        title="Dimensions",
        description="The length of the vectors, where the model lets one choose.",
        examples=[256],
    )

    own_fields: ClassVar[frozenset[str]] = frozenset({"model", "stream", "input", "dimensions", "encoding_format"})

    @model_validator(mode="after")
    def _one_way_to_ask(self) -> "EmbeddingRequest":
        if (self.input is None) == (self.function is None):
            raise ValueError("give one of input and function")
        return self

    @property
    def endpoint(self) -> Endpoint:
        """Embeddings."""
        return Endpoint.EMBEDDINGS

    def body_template(self) -> dict[str, Any]:
        """The model, the input and the dimensions; vectors are asked for as numbers."""
        body = {"model": self.model, "input": self.input, "dimensions": self.dimensions}
        return {name: value for name, value in body.items() if value is not None}

    def body_of(self, returned: Any) -> dict[str, Any]:
        """A text is the input, a mapping the body."""
        return {"input": returned} if isinstance(returned, str) else dict(returned)


class RawRequest(BaseRequest):
    """Any endpoint: the whole body as a template, or ready-made in a column."""

    kind: Literal["raw"] = Field(default="raw", title="Kind")
    endpoint_path: Endpoint = Field(
        alias="endpoint",
        title="Endpoint",
        description="The path that the items are sent to.",
        examples=["/v1/moderations"],
    )
    body: dict[str, Any] | None = Field(
        default=None,
        title="Body",
        description="The whole body, its strings templates over the row's columns.",
        examples=[{"model": "omni-moderation-latest", "input": "{{ comment }}"}],
    )
    body_column: str | None = Field(
        default=None,
        title="Body column",
        description="A column that holds each row's whole body, as JSON text or as a nested value.",
        examples=["body"],
    )

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)
    own_fields: ClassVar[frozenset[str]] = frozenset({"stream"})

    @model_validator(mode="after")
    def _one_way_to_ask(self) -> "RawRequest":
        if sum(way is not None for way in (self.body, self.body_column, self.function)) != 1:
            raise ValueError("give one of body, body_column and function")
        return self

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint as given."""
        return self.endpoint_path

    @property
    def ready_column(self) -> str | None:
        """The column as given."""
        return self.body_column

    def body_template(self) -> dict[str, Any]:
        """The body as given."""
        return self.body or {}

    def body_of(self, returned: Any) -> dict[str, Any]:
        """The mapping as it is."""
        return dict(returned)


Request = Annotated[ChatRequest | ResponsesRequest | EmbeddingRequest | RawRequest, Field(discriminator="kind")]
"""How a row becomes an item."""

RequestParameter = ChatRequest | ResponsesRequest | EmbeddingRequest | RawRequest | str
"""A request, or the path or URL of a request file, as a flow's parameter.

Prefect's UI draws a plain union as a form with a tab for each member, and a discriminated one as a field for JSON.
"""
