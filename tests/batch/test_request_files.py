"""Request files: JSON is read as JSON, YAML as version 1.2 of it, and so is what is typed."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from fsspec.registry import known_implementations
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect_openai_batch.batch.errors import RequestError
from prefect_openai_batch.batch.requests.request_files import load_request
from prefect_openai_batch.cli.requests import parse_parameters

REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
anything = st.recursive(
    st.none() | st.booleans() | numbers | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)


def read(tmp_path: Path, name: str, content: str) -> dict[str, Any]:
    """The parameters of a request file."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    return load_request(str(tmp_path / name)).parameters


@REUSED
@given(value=anything, escaped=st.booleans())
@pytest.mark.parametrize("name", ["r.json", "r.yaml"])
def test_json_is_read_as_json(tmp_path: Path, name: str, value: Any, escaped: bool) -> None:
    """Any value comes as Python's own `json` wrote it, characters beyond 16 bits too, in a file of either name."""
    content = {"model": "m", "prompt": "{{ text }} \U0001f600", "parameters": {"x": value}}
    assert read(tmp_path, name, json.dumps(content, ensure_ascii=escaped)) == {"x": value}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-05", 1e-05), ("1e5", 1e5), (".5", 0.5), ("+1.5E+3", 1500.0), ("1.", 1.0), ("-0", 0), ("017", 17),
        ("0o17", 15), ("0x1F", 31), ("true", True), ("FALSE", False), ("~", None), ("", None), ("no", "no"),
        ("on", "on"), ("12:30", "12:30"), ("1_000", "1_000"), ("2024-01-01", "2024-01-01"), ("0b11", "0b11"),
        ("'1e5'", "1e5"), ("=", "="), ('"\\ud83d\\ude00"', "\U0001f600"), ("{50256: -100}", {"50256": -100}),
        ("{no: 1, <<: {a: 2}}", {"a": 2, "no": 1}), ("[yes, No]", ["yes", "No"]),
    ],
    ids=[
        "small", "exponent", "point first", "signs", "point last", "minus zero", "leading zero", "octal", "hex",
        "true", "capitals", "tilde", "nothing", "no", "on", "time of day", "underscore", "date", "binary",
        "quoted", "equals", "emoji in halves", "number as a key", "merged", "list of words",
    ],
)  # fmt: skip
def test_yaml_is_read_by_its_version_1_2(tmp_path: Path, written: str, value: Any) -> None:
    """What a scalar means there, it means here; keys are texts."""
    found = read(tmp_path, "r.yaml", f"model: m\nprompt: '{{{{ text }}}}'\nparameters:\n  x: {written}\n")["x"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "written", "message"),
    [
        ("r.json", '{"top_p": NaN}', "no number NaN"),
        ("r.json", '{"top_p": 1, "top_p": 0}', "'top_p' stands twice"),
        ("r.json", '{"top_p": 1e999}', "JSON cannot say"),
        ("r.json", '{"user": "\\ud83d"}', "JSON cannot say"),
        ("r.json", "{top_p: 1}", "cannot be read"),
        ("r.yaml", "{top_p: .nan}", "JSON cannot say"),
        ("r.yaml", "{top_p: 1, top_p: 0}", "'top_p' stands twice"),
        ("r.yaml", "{day: !!timestamp 2024-01-01}", "JSON cannot say"),
        ("r.yaml", '{"user": "\\ud83d"}', "surrogate|JSON cannot say"),
    ],
    ids=[
        *("NaN", "twice", "infinity", "half an emoji", "YAML", "YAML's NaN", "twice in YAML", "a time"),
        "half an emoji in YAML",
    ],
)
def test_what_cannot_be_sent_as_it_is_written_is_refused(
    tmp_path: Path, name: str, written: str, message: str
) -> None:
    """No number of JSON's, a key twice, half a character: the file is named."""
    prompt = '{"model": "m", "prompt": "{{ text }}", "parameters": '
    with pytest.raises(RequestError, match=f"{name}.*({message})"):
        read(tmp_path, name, f"{prompt}{written}}}")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (".5", 0.5), ("1.", 1.0), ("+3", 3), ("1e-05", 1e-05), ("-.5e2", -50.0), ("true", True), ("null", None),
        ("none", "none"), ("auto", "auto"), ("2024-01-01", "2024-01-01"), ('"1,5"', "1,5"), ("{}", {}),
        ("gpt-5", "gpt-5"), ("", ""), ("infinite", "infinite"),
    ],
)  # fmt: skip
def test_what_is_typed_like_a_number_is_one(written: str, value: Any) -> None:
    """JSON is JSON, a number a number, and the rest is text."""
    found = parse_parameters((f"x={written}",))["x"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "typed", ["0,5", "1_000", "1.2.3", "1 000", "007", "NaN", "-inf", "True", "{a: 1}", "[1,", '"a', "1e", "50%"]
)
def test_what_only_looks_like_one_is_refused(typed: str) -> None:
    """It would go out as a text, and every row would fail at OpenAI; the message says how to write a text."""
    with pytest.raises(click.BadParameter, match="in double quotes"):
        parse_parameters((f"x={typed}",))


def test_a_parameter_is_given_once() -> None:
    """The last would count, and the first be dropped."""
    with pytest.raises(click.BadParameter, match="'x' is given twice"):
        parse_parameters(("x=1", "x=2"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("absent.yaml", "does not exist"),
        ("broken.yaml", "cannot be read"),
        ("latin.yaml", "cannot be read"),
        ("list.yaml", "holds a list"),
        ("empty.yaml", "holds nothing"),
    ],
)
def test_a_request_file_that_cannot_be_read_is_refused(path: str, message: str, tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "latin.yaml").write_bytes("prompt: Übersetze".encode("latin-1"))
    (tmp_path / "list.yaml").write_text("- model: m")
    (tmp_path / "empty.yaml").touch()
    with pytest.raises(RequestError, match=f"{path} {message}"):
        load_request(str(tmp_path / path))


@pytest.mark.parametrize(
    "written",
    ["{{ review }}", "{{ review }} Is it good?", "\n  - {role: user, content: {{ review }}}"],
    ids=["alone", "with words", "in a list"],
)
def test_a_template_that_yaml_takes_for_a_mapping_is_told(written: str, tmp_path: Path) -> None:
    """The commonest slip of all."""
    (tmp_path / "r.yaml").write_text(f"model: m\nprompt: {written}\n")
    with pytest.raises(
        RequestError, match=r"r.yaml cannot be read: line [23]: .* put the prompt in quotes, \"{{ rev"
    ):
        load_request(str(tmp_path / "r.yaml"))


def test_a_url_that_needs_what_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install, or to do without."""
    missing = {"class": "absent_module.Absent", "err": "Install absent_module to read it"}
    monkeypatch.setitem(known_implementations, "absent", missing)
    with pytest.raises(RequestError, match="absent://r.yaml cannot be read: Install absent_module.*on a disk"):
        load_request("absent://r.yaml")


def test_a_url_of_no_known_kind_is_refused() -> None:
    """By its protocol."""
    with pytest.raises(RequestError, match="telepathy://r.yaml cannot be read: .*telepathy"):
        load_request("telepathy://r.yaml")
