"""Embeddings without a model: words that two texts share bring their vectors together."""

import json
from base64 import b64encode
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import orjson

from ...errors import EMBEDDING_TOKENS, embedding_too_long
from ..answerers import Reply
from ..exchange import Answer, Asked, Body, Usage, quoted
from ..models import snapshot
from ..prompts import embedding_inputs, text_tokens

_DIMENSIONS = {"text-embedding-3-large": 3072}
_DEFAULT = 1536

Vector = npt.NDArray[np.float32]


def embeddings(asked: Asked, _: Reply) -> Answer:
    """A `list` of embeddings, one for each input."""
    inputs = embedding_inputs(asked.body)
    if too_long := _too_long(asked.body, inputs):
        return Answer(400, json.dumps(too_long), None)
    length, encoding = _dimensions(asked.body), asked.body.get("encoding_format")
    entries = ", ".join(
        f'{{"object": "embedding", "embedding": {_as_json(_embed(given, length), encoding)}, "index": {number}}}'
        for number, given in enumerate(inputs)
    )
    tokens = sum(_input_length(given) for given in inputs)
    body = (
        f'{{"object": "list", "data": [{entries}], "model": {quoted(snapshot(asked.body["model"]))}, '
        f'"usage": {{"prompt_tokens": {tokens}, "total_tokens": {tokens}}}}}'
    )
    return Answer(200, body, Usage(tokens))


def _too_long(body: Body, inputs: list[Any]) -> Body | None:
    """The error where an input is longer than the models take."""
    for number, given in enumerate(inputs):
        tokens = _input_length(given)
        if tokens > EMBEDDING_TOKENS:
            return embedding_too_long(tokens, number if inputs is body["input"] else None)
    return None


def _input_length(given: Any) -> int:
    return text_tokens(given) if isinstance(given, str) else len(given or ())


def _dimensions(body: dict[str, Any]) -> int:
    """How long the vectors are: as asked, else as the model's are."""
    return int(body.get("dimensions") or _DIMENSIONS.get(str(body.get("model")), _DEFAULT))


def _embed(given: Any, length: int) -> Vector:
    """A vector of length one: the sum of its words' own directions. The same input gives the same vector."""
    words = given.lower().split() if isinstance(given, str) else [str(token) for token in given or ()]
    total = np.zeros(length, dtype=np.float32)
    for word in words or [""]:
        total += _direction(word, length)
    return total / np.float32(np.linalg.norm(total) or 1)


def _as_json(vector: Vector, encoding: object) -> str:
    """A vector as JSON: a list of numbers, or base64 of float32 where the request asks for it."""
    if encoding == "base64":
        return f'"{b64encode(vector.astype("<f4").tobytes()).decode()}"'
    rounded = vector.astype(np.float16).astype(np.float64)  # short numbers, as the service sends them
    return orjson.dumps(rounded, option=orjson.OPT_SERIALIZE_NUMPY).decode().replace(",", ", ")


@lru_cache(maxsize=2048)
def _direction(word: str, length: int) -> Vector:
    return np.random.default_rng(crc32(word.encode())).standard_normal(length, dtype=np.float32)
