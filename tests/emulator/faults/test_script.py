"""Where a script of faults comes from."""

import json
from collections.abc import Callable
from typing import Any

from prefect_openai_batch.emulator import Script

from ..support import Api, error_of, good

Start = Callable[..., Api]


def test_faults_over_http_and_from_a_file(start_server: Start, tmp_path: Any) -> None:
    """The same script by `PUT /emulator/faults`, and in the settings."""
    script = {"seed": 3, "faults": [{"kind": "half_expired", "share": 0.1}, {"kind": "refusal"}, {"kind": "cut"}]}
    path = tmp_path / "faults.json"
    path.write_text(json.dumps(script))
    assert start_server(faults=path).server.faults == Script.model_validate(script)
    api = start_server()
    url = f"{api.server.url}/emulator/faults"
    put = good(api.http.put(url, json=script))
    assert put["seed"] == 3
    assert [fault["kind"] for fault in put["faults"]] == ["half_expired", "refusal", "cut"]
    assert good(api.http.get(url)) == put
    assert error_of(api.http.put(url, json={"faults": [{"kind": "weather"}]}), 400)["param"] == "faults"
    assert (
        error_of(api.http.put(url, json={"faults": [{"kind": "refusal", "pattern": "("}]}), 400)["param"]
        == "faults"
    )
