"""What all requests share, as a person fills them in or a file holds them.

Texts are Jinja templates over the row's columns.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from ..errors import RequestError
from ..form_texts import without_example, without_none
from ..schemas.answer_types import AnswerType
from ..urls import shortened
from .bodies import Bodies, bodies_from_column, bodies_from_function, bodies_from_template, check_column
from .endpoints import Endpoint, answers_asked, endpoints_of
from .items import BatchItem, encode_body
from .templates import is_template

NO_STREAM = "batches do not stream: leave `stream` out"

Ways = Mapping[str, tuple[str, ...]]
"""The fields of which one says what is asked, each with the fields that go along with it."""


def _import_path(function: Any) -> Any:
    """The import path of a Python function, so that any worker can load it."""
    if not callable(function):
        return function
    path = f"{function.__module__}:{function.__qualname__}"
    if "<" in path:
        raise ValueError(f"{function.__qualname__} has no import path: define it at the top of a module")
    return path


def _as_a_form_shows_it(schema: dict[str, Any]) -> None:
    """No example in the text, no tab for None, and what all requests share below what makes each its own."""
    without_example(schema)
    fields = schema.get("properties", {})
    own = {name: field for name, field in fields.items() if name not in BaseRequest.model_fields}
    for field in fields.values():
        without_none(field)
    first = {"kind": own["kind"]} if "kind" in own else {}
    schema["properties"] = {**first, **own, **fields}


class UnknownField(ValueError):
    """A request has fields that its kind does not have; `field` is the first, `meant` what each may have meant."""

    def __init__(self, meant: Mapping[str, str | None]) -> None:
        told = [f"{key}: there is no such field, did you mean {field}?" for key, field in meant.items() if field]
        if sent := [key for key, field in meant.items() if not field]:
            told.append(f"{', '.join(sent)}: what is sent as it stands goes under `parameters`")
        super().__init__(" ".join(told))
        self.field = next(iter(meant))


class BaseRequest(BaseModel, ABC):
    """What all requests share."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_as_a_form_shows_it)

    own_fields: ClassVar[frozenset[str]] = frozenset({"model", "stream"})
    """Body fields that are set elsewhere than in `parameters`, or that batches do not take."""

    ways: ClassVar[Ways]
    """How this kind of request can be asked."""

    meant: ClassVar[Mapping[str, str]] = {}
    """Fields of other kinds of requests, with what this kind has for them."""

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
        "the messages; it stands in place of all templates. Every worker must be able to import it.",
        examples=["my_package.prompts:ask_about_review"],
        pattern=r"^[\w.]+:[\w.]+$",
    )
    constant_prompt: bool = Field(
        default=False,
        title="Constant prompt",
        description="Say yes where every row is to be sent the same text: else a template that uses no "
        "column is refused.",
    )
    keep_cost: bool = Field(
        default=False,
        title="Keep each row's cost",
        description="Adds the column `cost_usd`: what each row's answers cost in US dollars, where that is known.",
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
    def answer_type(self) -> AnswerType | None:
        """What each answer is; None where it is taken as it comes."""
        return None

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

    def sent_parameters(self) -> dict[str, Any]:
        """The fields of the body that are sent as they stand, whatever the row."""
        return self.parameters

    @model_validator(mode="before")
    @classmethod
    def _known_fields(cls, given: Any) -> Any:
        fields = {*cls.model_fields, *(field.alias for field in cls.model_fields.values() if field.alias)}
        unknown = [str(key) for key in given if key not in fields] if isinstance(given, dict) else []
        if unknown:
            meant = {key: cls.meant.get(key, *get_close_matches(key, fields, 1, 0.8)) for key in unknown}
            raise UnknownField(meant)
        return given

    @field_validator("parameters")
    @classmethod
    def _no_own_fields(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        clash = sorted(cls.own_fields & parameters.keys())
        if clash == ["stream"]:
            raise ValueError(NO_STREAM)
        if clash:
            raise ValueError(f"{clash[0]!r} is a field of the request itself, not one of its parameters")
        return parameters

    @model_validator(mode="after")
    def _one_way_to_ask(self) -> Self:
        given = [way for way in self.ways if getattr(self, way) is not None]
        if len(given) != 1:
            *ways, last = self.ways
            raise ValueError(f"give one of {', '.join(ways)} and {last}")
        along = {field for fields in self.ways.values() for field in fields}
        unused = sorted(
            field for field in along.difference(self.ways[given[0]]) if getattr(self, field) is not None
        )
        if unused:
            raise ValueError(f"{unused[0]} would not be sent: {given[0]} stands in its place; give one of the two")
        return self

    @model_validator(mode="after")
    def _sendable(self) -> Self:
        try:
            json.dumps([self.body_template(), self.parameters])  # no dates, which would become texts
            encode_body({**self.body_template(), **self.parameters})
        except (TypeError, ValueError) as error:
            raise ValueError(f"JSON cannot say what is to be sent: {error}") from None
        return self

    @model_validator(mode="after")
    def _no_answer_is_lost(self) -> Self:
        self.check_answers({**self.body_template(), **self.parameters})
        return self

    def check_answers(self, body: Mapping[str, Any]) -> None:
        """Refuse a body that asks for a stream, or for several answers where only the first would be kept.

        Raises:
            ValueError: it does.
        """
        if body.get("stream") is True:
            raise ValueError(NO_STREAM)
        if not self.keep_response and answers_asked(self.endpoint, body) > 1:
            raise ValueError(
                f"the body asks for {answers_asked(self.endpoint, body)} answers, of which the column `answer` "
                "holds the first alone: ask for one, or say keep_response (--keep-response) to have them all in "
                "`response`"
            )

    def compile(self, columns: tuple[str, ...], *, by_hand: bool = False) -> Bodies:
        """The request compiled for rows of these columns.

        Args:
            columns: The table's columns.
            by_hand: Whether a prompt that uses no column is as meant, as it is in an item made by hand.

        Raises:
            RequestError: a template is malformed, names an unknown column or uses none; a function is not there.
        """
        if self.id_column is not None and not by_hand:
            check_column("id_column", self.id_column, columns)
        if self.ready_column is not None:
            return bodies_from_column(self.ready_column, self.sent_parameters(), columns)
        template = self.body_template()
        if self.function is not None:
            return bodies_from_function(
                self.function, self.body_of, template.get("model"), self.sent_parameters(), columns
            )
        constant = by_hand or self.constant_prompt
        return bodies_from_template(template, self.sent_parameters(), columns, constant=constant)

    @property
    def named_model(self) -> str:
        """The model that the request names; empty where each row names its own, or a function does."""
        model = self.body_template().get("model")
        return model if isinstance(model, str) and not is_template(model) else ""

    def check_model(self) -> None:
        """Refuse a model of OpenAI's whose kind the endpoint does not serve; unknown names pass.

        Raises:
            RequestError: it is one.
        """
        served = endpoints_of(self.named_model)
        if self.endpoint not in served:
            other = Endpoint.CHAT_COMPLETIONS if Endpoint.CHAT_COMPLETIONS in served else min(served)
            raise RequestError(
                f"The model {self.named_model} is not served at {self.endpoint}: ask it at {other} (--endpoint, "
                "or another kind of request), or name another model.",
                field="model",
            )

    @property
    def in_words(self) -> str:
        """The model and what it is asked, as far as that tells the request from others at a glance."""
        way = next(getattr(self, way) for way in self.ways if getattr(self, way) is not None)
        asked = " ".join(next(reversed([*texts_in(way)]), "").split())
        return ": ".join(filter(None, (str(self.body_template().get("model") or ""), shortened(asked))))

    def item(self, custom_id: str, row: Mapping[str, Any] | None = None) -> BatchItem:
        """One item by hand, of a row's columns if the templates use any.

        Raises:
            RequestError: a template names a column that `row` does not have.
        """
        values = dict(row or {})
        return BatchItem(
            custom_id=custom_id,
            url=self.endpoint,
            body=self.compile(tuple(values), by_hand=True).make(values),
        )


def texts_in(value: Any) -> Iterator[str]:
    """The texts in a value of JSON, in order."""
    if isinstance(value, str):
        yield value
        return
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_in(part)


def model_field(example: str) -> Any:
    """The field of a request's model, with an example of its name."""
    return Field(
        title="Model",
        description="The model's name, or a template for rows with models of their own: {{ model }}. "
        "Each model's rows go to input files of their own.",
        examples=[example],
        min_length=1,
    )
