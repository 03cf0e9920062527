"""The account as a parameter: picked among the saved ones, and nothing else."""

from typing import Annotated, Any

from prefect.blocks.core import Block
from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue

from ...blocks import AzureOpenAICredentials, OpenAICredentials
from ...blocks.references import REFERENCE


class Picked:
    """A block in a flow's schema that is taken by reference alone, with a title for its tab.

    Where no field of a block is required, Prefect's own schema takes a reference for fields as well, and refuses
    what is both. And fields would bring a key into the parameters.
    """

    def __init__(self, kind: type[Block], title: str) -> None:
        self._kind = kind
        self._title = title

    def __get_pydantic_json_schema__(self, _core: Any, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What both of Prefect's UIs draw as a picker, and its server checks.

        The old UI knows the slug of a definition by the one name, and what stands in its place by the other.
        """
        slug = self._kind.get_block_type_slug()
        return {
            "title": self._title,
            "type": "object",
            "block_type_slug": slug,
            "blockTypeSlug": slug,
            "block_schema_references": {},
            "properties": {REFERENCE: {}},
            "required": [REFERENCE],
            "additionalProperties": False,
        }


PickedAccount = (
    Annotated[OpenAICredentials, Picked(OpenAICredentials, "OpenAI")]
    | Annotated[AzureOpenAICredentials, Picked(AzureOpenAICredentials, "Azure OpenAI")]
)
"""An account of one kind or the other."""
