"""What a request asks: its text, for every endpoint, and about how many tokens that is."""

from typing import Any

Body = dict[str, Any]

_ORDERING = ("system", "developer")


def asked_text(body: Body) -> str:
    """The text that an answer answers: the last user message, the input, or the prompt."""
    messages = body.get("messages")
    if messages is None:
        messages = body.get("input")
    if isinstance(messages, list):
        return _last_user_text(messages)
    if isinstance(messages, str):
        return messages
    prompt = body.get("prompt")
    return prompt if isinstance(prompt, str) else _joined(prompt)


def instructions(body: Body) -> str:
    """What a system or developer message, or the Responses API's `instructions`, ask for."""
    texts = [body["instructions"]] if isinstance(body.get("instructions"), str) else []
    ordered = [message for message in _messages(body) if isinstance(message, dict)]
    texts += [_joined(message.get("content")) for message in ordered if message.get("role") in _ORDERING]
    return "\n".join(texts)


def input_tokens(body: Body) -> int:
    """About how many tokens the request's text is: one for four characters, and a few for each message."""
    messages = body.get("messages")
    if isinstance(messages, list):
        tokens = 3
        for message in messages:
            content = message.get("content") if isinstance(message, dict) else message
            tokens += _length(content) // 4 + 4
        return tokens
    given = body.get("input", body.get("prompt"))
    if isinstance(given, list) and given and isinstance(given[0], int):
        return len(given)
    return (_length(given) + len(body.get("instructions") or "")) // 4 + 1


def text_tokens(text: str) -> int:
    """About how many tokens a text is."""
    return len(text) // 4 + 1


def embedding_inputs(body: Body) -> list[Any]:
    """The inputs of an embeddings request: texts or lists of tokens, one vector each."""
    given = body.get("input")
    if isinstance(given, list) and given and not isinstance(given[0], int):
        return given
    return [given]


def _messages(body: Body) -> list[Any]:
    messages = body.get("messages", body.get("input"))
    return messages if isinstance(messages, list) else []


def _last_user_text(messages: list[Any]) -> str:
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role", "user") == "user" and "type" not in message:
            return _joined(message.get("content"))
    return _joined(messages)


def _length(content: Any) -> int:
    return len(content if isinstance(content, str) else _joined(content))


def _joined(content: Any) -> str:
    """The text in a message's content, however deep its parts are."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(filter(None, map(_joined, content)))
    if isinstance(content, dict):
        return _joined(content.get("text", content.get("content")))
    return ""
