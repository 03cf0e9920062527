"""Any endpoint: the whole body as a template, or ready-made in a column."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from .base_request import BaseRequest, Ways
from .endpoints import Endpoint


class RawRequest(BaseRequest, title="Any other"):
    """Any endpoint: the whole body as a template, or ready-made in a column.

    Example:
        ```python
        from prefect_openai_batch import RawRequest

        request = RawRequest(
            endpoint="/v1/moderations", body={"model": "omni-moderation-latest", "input": "{{ review }}"}
        )
        item = request.item("R-0001", {"review": "Boils in no time."})
        ```
    """

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
    ways: ClassVar[Ways] = {"body": (), "body_column": (), "function": ()}
    meant: ClassVar[Mapping[str, str]] = dict.fromkeys(("model", "prompt", "input", "messages"), "body")

    @model_validator(mode="after")
    def _nothing_said_twice(self) -> "RawRequest":
        twice = sorted((self.body or {}).keys() & self.parameters.keys())
        if twice:
            raise ValueError(f"{twice[0]!r} stands in body and in parameters: leave it out of one of them")
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
