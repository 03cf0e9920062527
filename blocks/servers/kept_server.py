"""Prefect's server for the commands of one home: a program that ends when nobody has asked it for a while.

`prefect server start --background` writes to pipes that nobody reads, and stops when they are full; the temporary
server that Prefect starts by itself ends with each command. It stands alone, so that it loads nothing but Prefect.
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

WHO = "/openai-batch-server"
"""Where it says which record tells of it: another home's server may have come to its port."""

HURRY_SECONDS = 5
"""So long whoever is connected still has when it ends."""


LEFT_SECONDS = 30.0
"""So long a server stays that no record tells of; whoever uses it asks more often."""


class Asked:
    """An ASGI app that says which record tells of it, and how long ago somebody asked it."""

    def __init__(self, app: App, record: str) -> None:
        self.app = app
        self.record = record
        self.open = 0
        self.note()

    def note(self) -> None:
        """From now on it is idle, unless somebody asks."""
        self.last = time.monotonic()

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Answer a request, or a connection that stays."""
        counts = scope["type"] != "lifespan"
        self.open += counts
        try:
            await (self._introduce(send) if scope.get("path") == WHO else self.app(scope, receive, send))
        finally:
            self.open -= counts
            self.note()

    async def _introduce(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.record.encode()})

    def idle_seconds(self) -> float:
        """How long nobody has asked; 0 while somebody is connected."""
        return 0.0 if self.open else time.monotonic() - self.last


async def serve(record: Path, idle_seconds: float, *, new_database: bool) -> None:
    """Serve on a free port of this machine, told of in `record`, until it is idle or nowhere told of."""
    import uvicorn
    from prefect.server.api.server import create_app

    if new_database:
        await _make_tables()
    app = Asked(create_app(ephemeral=True, final=True), str(record))
    config = uvicorn.Config(app, port=0, log_level="error", lifespan="on", timeout_graceful_shutdown=HURRY_SECONDS)
    server, listening = uvicorn.Server(config), config.bind_socket()
    told = {"url": f"http://127.0.0.1:{listening.getsockname()[1]}/api", "pid": os.getpid()}

    async def watch() -> None:
        while not server.started:
            await asyncio.sleep(0.05)
        app.note()  # the start itself has taken long
        _write(record, told)
        while app.idle_seconds() < (idle_seconds if _is_ours(record) else min(idle_seconds, LEFT_SECONDS)):
            await asyncio.sleep(min(1.0, idle_seconds / 10))
        server.should_exit = True

    watching = asyncio.create_task(watch())
    await server.serve(sockets=[listening])
    watching.cancel()
    if _is_ours(record):
        record.unlink()


async def _make_tables() -> None:
    """The tables of a database that lives no longer than this server: migrations, one by one, take ten seconds."""
    from prefect.server.database import provide_database_interface

    database = provide_database_interface()
    for table in database.Base.metadata.tables.values():
        by_name = {index.name: index for index in table.indexes}  # the models name some of them twice
        table.indexes.intersection_update(by_name.values())
    engine = await database.engine()
    async with engine.begin() as connection:
        await connection.run_sync(database.Base.metadata.create_all)


def _write(record: Path, told: dict[str, Any]) -> None:
    """Write the record in one step, so that nobody reads half of it."""
    half = record.with_suffix(f".{os.getpid()}")
    half.write_text(json.dumps(told))
    half.replace(record)


def _is_ours(record: Path) -> bool:
    """Whether the record, which anybody may have taken away or written over, tells of this server."""
    try:
        return bool(json.loads(record.read_text())["pid"] == os.getpid())
    except (OSError, ValueError, LookupError, TypeError):
        return False


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", type=Path)
    parser.add_argument("--idle-seconds", type=float, required=True)
    parser.add_argument("--new-database", action="store_true")
    given = parser.parse_args()
    asyncio.run(serve(given.record, given.idle_seconds, new_database=given.new_database))


if __name__ == "__main__":
    main()
