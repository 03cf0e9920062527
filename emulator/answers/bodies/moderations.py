"""The bodies of moderations: a few words are flagged."""

import json

from ..answerers import Reply
from ..exchange import Answer, Asked, Body, Usage
from ..models import snapshot
from ..prompts import asked_text

_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "sexual",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm/intent",
    "self-harm/instructions",
    "self-harm",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_FLAGGED = {"violence": ("kill", "attack", "shoot", "stab"), "harassment": ("idiot", "stupid", "moron")}


def moderations(asked: Asked, _: Reply) -> Answer:
    """What is flagged, for each input."""
    given = asked.body.get("input")
    inputs = given if isinstance(given, list) and all(isinstance(text, str) for text in given) else [given]
    body = {
        "id": f"modr-{asked.digest[:32]}",
        "model": snapshot(asked.body.get("model") or "omni-moderation-latest"),
        "results": [_moderated(asked_text({"input": text})) for text in inputs],
    }
    return Answer(200, json.dumps(body), Usage(0, 0))


def _moderated(text: str) -> Body:
    low = text.lower()
    flags = {name: any(word in low for word in _FLAGGED.get(name, ())) for name in _CATEGORIES}
    return {
        "flagged": any(flags.values()),
        "categories": flags,
        "category_scores": {name: 0.91 if flag else 0.0001 for name, flag in flags.items()},
        "category_applied_input_types": {name: ["text"] if flag else [] for name, flag in flags.items()},
    }
