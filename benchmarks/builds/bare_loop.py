"""The least that a script can do: read the rows, make each item, encode it, write it.

python -m benchmarks.builds.bare_loop rows.parquet
"""

from pathlib import Path

import orjson

from ..peers.building.rows import MODEL, Rows, messages, time_building


def build(rows: Rows, path: Path) -> None:
    """One file."""
    with path.open("wb") as file:
        for number, row in enumerate(rows):
            body = {"model": MODEL, "messages": messages(row)}
            item = {"custom_id": f"row-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file.write(orjson.dumps(item) + b"\n")


if __name__ == "__main__":
    time_building(build)
