"""Where answers come from, by the name that the settings give."""

from importlib import import_module
from pathlib import Path

import orjson

from .replies import Answerer, by_echo, by_rules, canned

_BUILT_IN: dict[str, Answerer] = {"rules": by_rules, "echo": by_echo}


def find_answerer(name: str) -> Answerer:
    """The answerer behind `rules`, `echo`, a JSON file of canned answers, or `module:function`.

    Raises:
        ValueError: there is none of this name.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    if name.endswith(".json"):
        return canned(orjson.loads(Path(name).read_bytes()))
    module, colon, function = name.partition(":")
    if not colon:
        raise ValueError(f"no answers named {name!r}: use 'rules', 'echo', a .json file or 'module:function'")
    found: Answerer = getattr(import_module(module), function)
    return found
