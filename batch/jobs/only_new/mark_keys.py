"""What a mark is of: a table, its column, and who has answered what is asked of its rows."""

from hashlib import sha256
from typing import Any

import orjson

from ...requests.request import Request
from ...tables.any_source import Source
from ...tables.sources import FileSource

HOW_READ = {"types", "separator", "format"}
"""What a source says of how its files are read, and not of which rows they hold."""

HOW_KEPT = {"id_column", "keep_cost", "keep_response", "constant_prompt", "retry_invalid"}
"""What a request says, and what is sent does not: another one asks nothing else."""


def mark_key(source: Source, request: Request, server: str) -> str:
    """The key of the mark of a source with a watermark, 64 hex digits.

    What is read counts, and from which server its rows are answered, but not the lag, a limit, or how it is read.
    Whoever asks something else has another mark, for of that no row is answered; where the mark has a name, that
    counts instead.
    """
    watermark = source.watermark
    assert watermark is not None, "asked for of a source with a watermark"
    read = source.model_dump(mode="json", exclude={"watermark", "limit", *HOW_READ}, exclude_defaults=True)
    asked: dict[str, Any] = {"request": request.model_dump(mode="json", exclude=HOW_KEPT)}
    if watermark.name:
        asked = {"name": watermark.name}
    if isinstance(source, FileSource):
        read["path"] = source.path.rstrip("/") or source.path  # a folder is the same with a `/` behind it
    of = {"source": read, "column": watermark.column, "server": server, **asked}
    return sha256(orjson.dumps(of, option=orjson.OPT_SORT_KEYS)).hexdigest()
