"""How a row becomes an item: the union of the request models, told apart by `kind`."""

from typing import Annotated

from pydantic import Field

from .chat_request import ChatRequest
from .embedding_request import EmbeddingRequest
from .raw_request import RawRequest
from .responses_request import ResponsesRequest

Request = Annotated[ChatRequest | ResponsesRequest | EmbeddingRequest | RawRequest, Field(discriminator="kind")]
"""How a row becomes an item."""


RequestFile = Annotated[str, Field(title="A request file")]
"""The path or URL of a request file."""

RequestParameter = ChatRequest | ResponsesRequest | EmbeddingRequest | RawRequest | RequestFile
"""A request, or the path or URL of a request file, as a flow's parameter.

Prefect's UI draws a plain union as a form with a tab for each member, and a discriminated one as a field for JSON.
"""
