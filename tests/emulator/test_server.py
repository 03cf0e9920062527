"""The server as a program, and its folder over restarts."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from prefect_openai_batch.emulator import BatchServer, Clock, Limits, ServerSettings, Timing
from pydantic import ValidationError

from .conftest import START
from .support import Api, chat_items, good

Start = Callable[..., Api]

PROGRAM = """
from pathlib import Path
from prefect_openai_batch.emulator import ServerSettings, Timing, serve
serve(ServerSettings(data=Path({data!r}), key="secret", timing=Timing(running={running})))
"""


class Program:
    """The server in a process of its own."""

    def __init__(self, data: Path, running: float = 0.2) -> None:
        command = [sys.executable, "-c", PROGRAM.format(data=str(data), running=running)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self.process.stdout is not None
        self.base_url = self.process.stdout.readline().strip()
        self.http = httpx2.Client(base_url=self.base_url, headers={"authorization": "Bearer secret"}, verify=False)

    def end(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """End it; returns its exit code."""
        self.http.close()
        self.process.send_signal(sign)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(10)


@pytest.fixture
def start_program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts programs over one folder."""
    programs: list[Program] = []

    def start(**options: float) -> Program:
        programs.append(Program(tmp_path / "data", **options))
        return programs[-1]

    yield start
    for program in programs:
        if program.process.returncode is None:
            program.end(signal.SIGKILL)


def submit(program: Program, count: int) -> str:
    """Upload and create."""
    content = "".join(json.dumps(item) + "\n" for item in chat_items(count))
    file = good(program.http.post("/files", data={"purpose": "batch"}, files={"file": content.encode()}))
    asked = {"input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    return str(good(program.http.post("/batches", json=asked))["id"])


def test_a_program_prints_its_address_and_ends_by_signal(
    start_program: Callable[..., Program], tmp_path: Path
) -> None:
    """One line when it is ready; a clean end on SIGTERM and SIGINT."""
    for sign in (signal.SIGTERM, signal.SIGINT):
        program = start_program()
        assert program.base_url.startswith("http://127.0.0.1:")
        assert program.base_url.endswith("/v1")
        assert good(program.http.get("/batches"))["data"] == []
        assert program.end(sign) == 0
        assert (tmp_path / "data" / "clock.json").exists()


def test_a_killed_server_goes_on_where_it_stopped(start_program: Callable[..., Program]) -> None:
    """After kill -9 in the middle of a run: every line once in the files, and once on the bill."""
    first = start_program(running=1.0)
    batch_id = submit(first, 2000)
    while good(first.http.get(f"/batches/{batch_id}"))["request_counts"]["completed"] == 0:
        time.sleep(0.01)
    first.end(signal.SIGKILL)
    second = start_program(running=1.0)
    while (batch := good(second.http.get(f"/batches/{batch_id}")))["status"] != "completed":
        time.sleep(0.01)
    lines = second.http.get(f"/files/{batch['output_file_id']}/content").text.splitlines()
    assert len({json.loads(line)["custom_id"] for line in lines}) == len(lines) == 2000
    bill = good(second.http.get(second.base_url.replace("/v1", "/emulator/bill")))
    assert (bill["executed"], bill["billed_more_than_once"]) == (2000, [])


def test_a_folder_keeps_everything(tmp_path: Path) -> None:
    """Files, batches, bill and clock survive a restart; ended batches too."""
    clock = Clock(speed=0, start=START)
    with BatchServer(data=tmp_path, clock=clock) as server:
        api = Api(server)
        done = api.finish(chat_items(3))
        open_batch = api.submit(chat_items(2))
        state, bill, now = server.state(), server.bill(), server.clock.now()
        api.http.close()
    with BatchServer(data=tmp_path, clock=Clock(speed=0, start=START)) as server:
        api = Api(server)
        assert server.clock.now() == now
        assert server.state() == state
        assert server.bill() == bill
        assert len(api.lines(done["output_file_id"])) == 3
        server.advance(10)
        assert api.batch(open_batch["id"])["status"] == "completed"
        assert [batch["id"] for batch in server.state()["batches"]] == [open_batch["id"], done["id"]]
        api.http.close()


def test_torn_lines_are_written_again(tmp_path: Path) -> None:
    """What a crash left beyond the last checkpoint does not count."""
    timing = Timing(validating=1, running=8, finalizing=1)
    with BatchServer(data=tmp_path, clock=Clock(speed=0, start=START), timing=timing) as server:
        api = Api(server)
        batch = api.submit(chat_items(8))
        server.advance(5)
        api.http.close()
    for part in ("output", "bill"):
        with (tmp_path / "batches" / f"{batch['id']}.{part}").open("ab") as file:
            file.write(b'{"torn": ')
    with BatchServer(data=tmp_path, clock=Clock(speed=0, start=START), timing=timing) as server:
        api = Api(server)
        server.advance(60)
        assert len(api.lines(api.batch(batch["id"])["output_file_id"])) == 8
        assert server.bill()["executed"] == len(server.billed_items()) == 8
        api.http.close()


def test_a_temporary_folder_goes_with_the_server() -> None:
    """And one of the caller's stays."""
    with BatchServer() as server:
        folder = server.folder
        assert folder.exists()
    assert not folder.exists()


def test_it_listens_on_loopback_only(api: Api) -> None:
    """Unless told otherwise."""
    assert api.server.url.startswith("http://127.0.0.1:")
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1"}:
        with socket.socket() as probe:
            probe.settimeout(1)
            assert probe.connect_ex((address, api.server.port)) != 0


def test_ipv6(start_server: Start) -> None:
    """Its address stands in brackets."""
    api = start_server(host="::1")
    assert api.server.base_url == f"http://[::1]:{api.server.port}/v1"
    good(api.http.get("/batches"))


def test_a_taken_port_is_an_error() -> None:
    """At once, and nothing is left behind."""
    with BatchServer() as server, pytest.raises(OSError, match="in use"):
        BatchServer(port=server.port).start()


def test_settings_are_checked() -> None:
    """Unknown and impossible options are refused."""
    with pytest.raises(ValidationError):
        BatchServer(colour="red")
    with pytest.raises(ValidationError):
        ServerSettings(key="")
    with pytest.raises(ValidationError):
        Limits(lines=0)
    server = BatchServer(ServerSettings(key="a", seed=3), seed=4)
    assert (server.settings.key, server.settings.seed) == ("a", 4)


def test_many_clients_at_once(api: Api) -> None:
    """Uploads and creations from several threads make as many batches."""
    from concurrent.futures import ThreadPoolExecutor

    def work(number: int) -> str:
        own = Api(api.server)
        batch = own.submit(chat_items(5), metadata={"number": str(number)})
        own.http.close()
        return str(batch["id"])

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(work, range(40)))
    assert len(set(ids)) == 40
    api.server.advance(60)
    assert {batch["status"] for batch in api.server.state()["batches"]} == {"completed"}
    assert api.server.bill()["executed"] == 200


def test_a_light_import() -> None:
    """The plugin's package costs others' test runs next to nothing: no server, no numpy."""
    code = (
        "import sys, prefect_openai_batch.emulator.pytest_plugin;"
        "print([name for name in ('uvicorn', 'numpy', 'starlette', 'pandas', 'prefect') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "[]"
