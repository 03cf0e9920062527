"""OpenAI's limits, and our own: where input files are cut, and how long remote files are kept."""

from dataclasses import dataclass

MAX_ITEMS = 50_000
"""Items in one batch, by OpenAI's Batch guide."""

MAX_BYTES = 200_000_000
"""Bytes in one input file, by OpenAI's Batch guide (200 MB)."""

MAX_EMBEDDING_INPUTS = 50_000
"""Embedding inputs over all the items of one batch, by OpenAI's Batch guide."""

MAX_CUSTOM_ID_BYTES = 512
"""Our own bound: OpenAI documents none."""

MAX_MODELS = 100
"""Our own bound on the models of one selection: each has a batch of its own, and a file that stays open."""

FILES_IN_A_BOUND = 10
"""An input file takes such a part of a bound on enqueued tokens: so it is used well, and several runs share it."""

FILES_ON_A_BUDGET = 10
"""An input file on a budget takes such a part of it at most, and such a part of its selection: what the first cost
says how many may go."""

MOST_FILES_ON_A_BUDGET = 500
"""So many files at most a selection is cut into because of what they may cost."""


@dataclass(frozen=True)
class Limits:
    """Where input files are cut, and how many models they may have; a test may say otherwise."""

    items: int = MAX_ITEMS
    bytes: int = MAX_BYTES
    embedding_inputs: int = MAX_EMBEDDING_INPUTS
    models: int = MAX_MODELS
    tokens: int | None = None


KEPT_SECONDS = 2_592_000
"""Remote files expire after 30 days, OpenAI's longest: a shorter time can lose paid output."""
