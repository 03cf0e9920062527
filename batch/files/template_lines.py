"""The lines of many rows at once, of a request whose body is a template."""

from dataclasses import dataclass

from ..requests.base_request import BaseRequest
from ..requests.bodies import Bodies
from ..requests.custom_ids import make_custom_ids
from ..requests.encoding.body_pieces import BodyPieces
from ..requests.encoding.template_texts import TemplateTexts, encode_texts, joined
from ..requests.endpoints import Endpoint, embedding_inputs
from ..requests.items import around
from ..tables.row_groups import RowGroup
from .lines import Lines
from .template_tokens import TemplateTokens
from .token_sizes import KEPT_ELSEWHERE, SEARCHED, output_limit

ROWS_AT_ONCE = 1_000
"""As many as pay."""

BYTES_AT_ONCE = 8_000_000
"""About the most that is constant in their bodies, or that their values take: it is in memory a few times."""


@dataclass(frozen=True)
class TemplateLines:
    """Makes the lines that `make_line` would make of each row, many at once.

    It knows nothing of rows at fault: where one makes no item, none of them has a line.
    """

    endpoint: Endpoint
    id_column: str | None
    pieces: BodyPieces
    tokens: TemplateTokens

    @property
    def rows_at_once(self) -> int:
        """How many rows are made into lines at once."""
        return max(1, min(ROWS_AT_ONCE, BYTES_AT_ONCE // self.pieces.size))

    def lines(self, rows: RowGroup) -> Lines:
        """The lines of a group.

        Raises:
            Exception: a row makes no item; which one, and why, is told by making them one by one.
        """
        count, marked = len(rows.numbers), self.pieces.marked
        texts = self.pieces.texts(rows)
        models = self._models(texts, count)
        bodies = self.pieces.encoded(texts, count)
        custom_ids = make_custom_ids(self.id_column, rows, bodies)
        before, between, behind = around(self.endpoint)
        return Lines(
            rows=rows.numbers,
            custom_ids=custom_ids,
            models=models,
            contents=joined(b"", [before, encode_texts(custom_ids), between, bodies, behind], count),
            inputs=[embedding_inputs(marked) if self.endpoint == Endpoint.EMBEDDINGS else 0] * count,
            input_tokens=self.tokens.inputs(texts, models),
            output_limits=[output_limit(self.endpoint, marked)] * count,
        )

    def _models(self, texts: list[TemplateTexts], count: int) -> list[str]:
        model = self.pieces.marked["model"]
        if model not in self.pieces.marks:
            return [model] * count
        models = texts[self.pieces.marks.index(model)].texts
        if "" in models:
            raise ValueError("a row names no model")
        return models


def template_lines(request: BaseRequest, bodies: Bodies) -> TemplateLines | None:
    """What makes lines of many rows at once; None where the texts of a row decide on more than texts."""
    pieces = bodies.pieces()
    if pieces is None or pieces.fill(_deciding(request.endpoint)):
        return None
    try:
        request.check_answers(pieces.marked)
        tokens = TemplateTokens(request.endpoint, pieces)
    except ValueError:
        return None
    model = pieces.marked["model"]
    if not (isinstance(model, str) and model):
        return None
    return TemplateLines(request.endpoint, request.id_column, pieces, tokens)


def _deciding(endpoint: Endpoint) -> frozenset[str]:
    """Fields whose text decides on how many answers are asked for, or on what a model reads."""
    return frozenset({"n", "type"}) | (KEPT_ELSEWHERE if endpoint == Endpoint.RESPONSES else SEARCHED)
