"""OpenAI's error bodies, in OpenAI's words."""

from typing import Any

EMBEDDING_TOKENS = 8192
"""So many tokens may one input have that is embedded."""


class ApiError(Exception):
    """A refusal as OpenAI words it: the HTTP status, and what stands under `error` in the body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body: dict[str, Any] = error_body(message, kind, param, code)


def error_body(message: str, kind: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """An error body with OpenAI's four fields."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def invalid_value(param: str, value: object, supported: tuple[str, ...]) -> ApiError:
    """A parameter whose value is not among the supported ones."""
    names = [f"'{name}'" for name in supported]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])}, and {names[-1]}"
    message = f"Invalid value: '{value}'. Supported values are: {listed}."
    return ApiError(400, message, param=param, code="invalid_value")


def missing(param: str) -> ApiError:
    """A required parameter that is absent."""
    message = f"Missing required parameter: '{param}'."
    return ApiError(400, message, param=param, code="missing_required_parameter")


def invalid_type(param: str, expected: str, value: object) -> ApiError:
    """A parameter of the wrong JSON type."""
    message = f"Invalid type for '{param}': expected {expected}, but got {json_type(value)} instead."
    return ApiError(400, message, param=param, code="invalid_type")


def no_such_file(file_id: str) -> ApiError:
    """404 for a file, as the Files API says it."""
    return ApiError(404, f"No such File object: {file_id}", param="id")


def no_such_batch(batch_id: str) -> ApiError:
    """404 for a batch."""
    return ApiError(404, f"No batch found with id '{batch_id}'.")


def no_such_upload(upload_id: str) -> ApiError:
    """404 for an upload."""
    return ApiError(404, f"No such Upload object: {upload_id}", param="upload_id")


def embedding_too_long(tokens: int, number: int | None = None) -> dict[str, Any]:
    """An input that is too long to embed: the only one, or the one of this number in a list."""
    message = (
        f"This model's maximum context length is {EMBEDDING_TOKENS} tokens, however you requested {tokens} tokens "
        f"({tokens} in your prompt; 0 for the completion). Please reduce your prompt; or completion length."
        if number is None
        else f"Invalid 'input[{number}]': maximum input length is {EMBEDDING_TOKENS} tokens."
    )
    return error_body(message, "invalid_request_error")


def json_type(value: object) -> str:
    """A JSON value's type with its article, as OpenAI's messages name it."""
    names = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal number",
        str: "a string",
        list: "an array",
    }
    return "null" if value is None else names.get(type(value), "an object")
