"""What a mark is of: a table, its column, and who has answered what is asked of its rows."""

from hashlib import sha256

import orjson

from ...requests.request import Request
from ...tables.any_source import Source
from ...tables.sources import FileSource


def mark_key(source: Source, request: Request, server: str) -> str:
    """The key of the mark of a source with a watermark, 64 hex digits.

    What is read counts, and from which server its rows are answered, but neither the lag nor a limit. Another
    request has another mark, for it has answered none of the rows; where the mark has a name, that counts instead.
    """
    watermark = source.watermark
    assert watermark is not None, "asked for of a source with a watermark"
    read = source.model_dump(mode="json", exclude={"watermark", "limit"}, exclude_defaults=True)
    asked = {"name": watermark.name} if watermark.name else {"request": request.model_dump(mode="json")}
    if isinstance(source, FileSource):
        read["path"] = source.path.rstrip("/") or source.path  # a folder is the same with a `/` behind it
    of = {"source": read, "column": watermark.column, "server": server, **asked}
    return sha256(orjson.dumps(of, option=orjson.OPT_SORT_KEYS)).hexdigest()
