"""The check of an input file that a batch begins with: every bad line is reported, not only the first."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ..answers.models import Models, snapshot
from ..answers.prompts import embedding_inputs, input_tokens
from ..settings import Limits
from .records import BatchRecord

Problem = dict[str, Any]


@dataclass(frozen=True)
class ValidationJob:
    """What to check, and against what."""

    path: Path
    endpoint: str
    limits: Limits
    models: Models
    any_endpoint: bool = False


@dataclass
class Validation:
    """What the check found: the errors of `errors.data`, or the file's model, lines and tokens."""

    errors: list[Problem] = field(default_factory=list)
    total: int = 0
    model: str | None = None
    tokens: int = 0
    embedding_inputs: int = 0


def validate(job: ValidationJob) -> Validation:
    """Check an input file line by line, in memory that hardly grows with it (eight bytes a line)."""
    found = Validation()
    hashes = array("q")
    with job.path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            found.total += 1
            item = _parsed(line)
            error = _broken_json() if item is None else _line_error(item, job, found)
            if error is not None:
                found.errors.append({**error, "line": number})
            if item is not None and isinstance(custom_id := item.get("custom_id"), str):
                hashes.append(hash(custom_id))
    found.errors += _duplicates(job.path, hashes)
    found.errors.sort(key=lambda error: error["line"])
    found.errors += _file_errors(job, found)
    return found


def first_model(path: Path) -> str:
    """The model that an input file's first line names; nothing where it names none."""
    try:
        with path.open("rb") as lines:
            body = (_parsed(lines.readline()) or {}).get("body")
    except OSError:
        return ""
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) else ""


def problem(code: str, message: str, param: str | None = None, line: int | None = None) -> Problem:
    """One entry of `errors.data`."""
    return {"code": code, "message": message, "param": param, "line": line}


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        item = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return item if isinstance(item, dict) else None


def _broken_json() -> Problem:
    return problem("invalid_json_line", "This line is not parseable as valid JSON.")


_REQUIRED_INPUT = {
    "/v1/chat/completions": ("messages",),
    "/v1/responses": ("input", "prompt", "conversation"),
    "/v1/embeddings": ("input",),
    "/v1/completions": ("prompt",),
    "/v1/moderations": ("input",),
    "/v1/images/generations": ("prompt",),
    "/v1/images/edits": ("prompt",),
    "/v1/videos": ("prompt",),
}


def required_input(endpoint: str) -> tuple[str, ...]:
    """The body's parameters of which an endpoint needs one."""
    return _REQUIRED_INPUT.get(endpoint, ())


_parts = itemgetter("custom_id", "method", "url", "body")
"""What every line has, in the order in which a missing one is reported."""


def _line_error(item: dict[str, Any], job: ValidationJob, found: Validation) -> Problem | None:
    try:
        custom_id, method, url, body = _parts(item)
    except KeyError as missing:
        name = missing.args[0]
        return problem("missing_required_parameter", f"Missing required parameter: '{name}'.", name)
    if not isinstance(custom_id, str):
        return problem("invalid_request", "The custom_id parameter must be a string.", "custom_id")
    if method != "POST":
        return problem("invalid_request", "The method of each request must be POST.", "method")
    if url != job.endpoint and not job.any_endpoint:
        message = "The URL provided for this request does not match the batch endpoint."
        return problem("invalid_url", message, "url")
    if not isinstance(body, dict):
        return problem("invalid_request", "The body parameter must be an object.", "body")
    return _body_error(body, job, found)


def _body_error(body: dict[str, Any], job: ValidationJob, found: Validation) -> Problem | None:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        return problem("invalid_request", "Model parameter is required.", "body.model")
    if model != found.model and (error := _model_error(model, job, found)):
        return error
    needed = required_input(job.endpoint)
    if needed and body.keys().isdisjoint(needed):
        return problem("invalid_request", f"{needed[0].capitalize()} parameter is required.", f"body.{needed[0]}")
    if body.get("stream"):
        message = "Chat Completions: Streaming is not supported in the Batch API."
        return problem("streaming_unsupported", message, "body.stream")
    if job.limits.enqueued_tokens:
        found.tokens += input_tokens(body)
    if job.endpoint == "/v1/embeddings":
        found.embedding_inputs += len(embedding_inputs(body))
    return None


def _model_error(model: str, job: ValidationJob, found: Validation) -> Problem | None:
    if not (job.models.know(model) and job.models.serve(model, job.endpoint)):
        message = f"The provided model '{model}' is not supported by the Batch API."
        return problem("model_not_found", message, "body.model")
    if found.model is not None:
        message = (
            f"The model '{model}' for this request does not match the rest of the batch. "
            "Each batch must contain requests for a single model."
        )
        return problem("mismatched_model", message, "body.model")
    found.model = model
    return None


def repeated(hashes: "array[int]") -> set[int]:
    """The hashes that come more than once among very many, found in the eight bytes of each. Sorts them."""
    values = np.frombuffer(hashes, dtype=np.int64)
    values.sort()
    return set(values[1:][values[1:] == values[:-1]].tolist())


def _duplicates(path: Path, hashes: "array[int]") -> list[Problem]:
    """Lines whose custom_id stood before: looked for only among the hashes that came twice."""
    suspects = repeated(hashes)
    return list(_repeated(path, suspects)) if suspects else []


def _repeated(path: Path, suspects: set[int]) -> Iterator[Problem]:
    seen: set[str] = set()
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            custom_id = (_parsed(line) or {}).get("custom_id")
            if not isinstance(custom_id, str) or hash(custom_id) not in suspects:
                continue
            if custom_id in seen:
                message = (
                    f"The custom_id '{custom_id}' for this request is a duplicate of another request. "
                    "The custom_id parameter must be unique for each request in a batch."
                )
                yield problem("duplicate_custom_id", message, "custom_id", number)
            seen.add(custom_id)


def _file_errors(job: ValidationJob, found: Validation) -> list[Problem]:
    errors = []
    if found.total == 0:
        message = "The input file is empty. Please ensure that the batch contains at least one request."
        errors.append(problem("empty_file", message))
    if found.total > job.limits.lines:
        message = f"The input file contains {found.total:,} requests. Limit: {job.limits.lines:,} requests."
        errors.append(problem("invalid_request", message))
    if found.embedding_inputs > job.limits.embedding_inputs:
        message = (
            f"The input file contains {found.embedding_inputs:,} embedding inputs. "
            f"Limit: {job.limits.embedding_inputs:,} embedding inputs."
        )
        errors.append(problem("invalid_request", message))
    return errors


def token_limit_problem(
    limits: Limits, found: Validation, endpoint: str, others: Iterable[BatchRecord]
) -> dict[str, Any] | None:
    """What a batch fails with when too much of its model is enqueued already; None where there is room."""
    model = found.model or ""
    same = [other for other in others if other.model == snapshot(model)]
    if endpoint == "/v1/embeddings":
        requests = sum(other.progress.total for other in same) + found.total
        if requests > limits.enqueued_embedding_requests:
            return _enqueued(model, limits.enqueued_embedding_requests, "requests")
    most = limits.enqueued_tokens.get(model, limits.enqueued_tokens.get("*"))
    if most is not None and sum(other.enqueued_tokens for other in same) + found.tokens > most:
        return _enqueued(model, most, "tokens")
    return None


def _enqueued(model: str, most: int, what: str) -> dict[str, Any]:
    message = (
        f"Enqueued {what.removesuffix('s')} limit reached for {model} in organization org-emulator. "
        f"Limit: {most:,} enqueued {what}. Please try again once some in_progress batches have been completed."
    )
    return problem("token_limit_exceeded", message)
