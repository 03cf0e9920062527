"""A body in pieces: between those that are JSON already stand the texts of its templates."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from ...tables.row_groups import RowGroup
from ..items import encode_body
from ..templates import Compile, Template, compile_template
from .template_texts import TemplateTexts, joined

_MARK = token_hex(16)
"""Stands in no body by itself."""


@dataclass(frozen=True)
class BodyPieces:
    """What a body is made of, in the order of its JSON: a constant, a template's text, …, a constant.

    `marked` is the body with a mark in place of each template's text, and `marks` are those of the templates.
    `size` is about what a body takes without the values of its row, in bytes.
    """

    marked: Mapping[str, Any]
    marks: tuple[str, ...]
    templates: tuple[Template, ...]
    constants: tuple[bytes, ...]
    size: int

    def fill(self, fields: Iterable[str]) -> bool:
        """Whether a template is the whole value of a field that bears one of these names."""
        names = tuple(encode_body({name: None}).removeprefix(b"{").removesuffix(b"null}") for name in fields)
        return any(constant.endswith(names) for constant in self.constants[:-1])

    def texts(self, rows: RowGroup) -> list[TemplateTexts]:
        """What each template says of these rows."""
        return [TemplateTexts(template, rows) for template in self.templates]

    def encoded(self, texts: Sequence[TemplateTexts], rows: int) -> list[bytes]:
        """The bodies of so many rows as compact JSON, with these texts in them."""
        first, *others = self.constants
        pieces: list[bytes | list[bytes]] = [first]
        for said, constant in zip(texts, others, strict=True):
            pieces += [*said.encoded, constant]
        return joined(b"", pieces, rows)


def body_pieces(compiled: Callable[[Compile], Callable[[Mapping[str, Any]], dict[str, Any]]]) -> BodyPieces | None:
    """The pieces of a body; None where it holds what JSON cannot say.

    Args:
        compiled: What makes the body of a row, given what compiles its templates.
    """
    templates: dict[str, Template] = {}
    sources: list[str] = []

    def mark(source: str, columns: tuple[str, ...]) -> Template:
        sources.append(source)
        text = f"{_MARK}-{len(templates)}"
        templates[text] = compile_template(source, columns)
        return Template(lambda _row: text, frozenset())

    marked = compiled(mark)({})
    try:
        encoded = encode_body(marked)
    except TypeError:
        return None
    parted = re.split(rf'"({_MARK}-\d+)"'.encode(), encoded)
    marks = tuple(text.decode() for text in parted[1::2])
    found = tuple(templates[text] for text in marks)
    return BodyPieces(marked, marks, found, tuple(parted[::2]), len(encoded) + sum(map(len, sources)))
