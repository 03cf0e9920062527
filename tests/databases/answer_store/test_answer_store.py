"""The answer store, on SQLite and PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect_openai_batch import ChatRequest, DatabaseError, open_job
from prefect_openai_batch.batch.answer_store.answers import Answers, KeptAnswer
from prefect_openai_batch.batch.answer_store.store import AnswerStore
from prefect_openai_batch.blocks.databases import open_store, open_store_of
from prefect_openai_batch.flows.sending.kept_answers import forget_opening

SERVER = "https://api.openai.com/v1"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, database: str) -> Iterator[AnswerStore]:
    """An empty store on each kind of database."""
    monkeypatch.setenv("TEAM_ANSWERS", database)
    with open_store("TEAM_ANSWERS") as opened:
        yield opened


def answer(digest: bytes, body: bytes = b'{"said":"yes"}', keeper: str = "first") -> KeptAnswer:
    return KeptAnswer(digest, body, "/v1/responses", "gpt-5-mini", keeper, f"id-{digest.decode()}")


def test_a_job_sees_what_was_kept_before_it_began_and_nothing_later(store: AnswerStore) -> None:
    first = store.open_job("first", SERVER)
    store.keep([answer(b"a")], first)
    second = store.open_job("second", SERVER)
    store.keep([answer(b"b")], first)
    assert set(store.find([b"a", b"b"], second)) == {b"a"}
    again = store.open_job("second", SERVER)
    assert again == second.model_copy(update={"is_new": False}), "begun anew it sees the same"
    assert set(store.find([b"a", b"b"], store.open_job("second", "http://other/v1"))) == {b"a", b"b"}


def test_the_first_answer_stays_and_comes_back_byte_by_byte(store: AnswerStore) -> None:
    long = b'{"said":"' + b"yes " * 1_000 + b'"}'
    opening = store.open_job("first", SERVER)
    assert store.keep([answer(b"a", long), answer(b"a", b"{}")], opening) == 1
    assert store.keep([answer(b"a", b"{}")], opening) == 0
    assert store.find([b"a"], store.now()) == {b"a": long}


def test_an_answer_too_old_is_kept_anew_and_who_began_before_sees_the_old_one(store: AnswerStore) -> None:
    store.keep([answer(b"a", b'{"said":"old"}')], store.open_job("first", SERVER))
    second = store.open_job("second", SERVER)
    third = store.open_job("third", SERVER, max_age_days=-1)  # for it all is old
    assert store.find([b"a"], third) == {}
    assert store.keep([answer(b"a", b'{"said":"new"}')], third) == 1
    assert store.find([b"a"], second) == {b"a": b'{"said":"old"}'}
    assert store.find([b"a"], store.now()) == {b"a": b'{"said":"new"}'}


def test_a_start_forgets_no_number_that_an_earlier_one_was_given(tmp_path: Path) -> None:
    """The earlier one may have sent: without its number the next would see its answers, and make other files."""
    (tmp_path / "words.csv").write_text("word\none\n")
    request = ChatRequest(model="gpt-5-mini", prompt="{{ word }}")
    job = open_job(str(tmp_path / "words.csv"), request, job_key="job", storage=str(tmp_path / "jobs"))
    with open_store(str(tmp_path / "answers.db")) as store:
        first, again = store.open_job("job", SERVER), store.open_job("job", SERVER)
        numbers = []
        for opening in (again, first):
            job.with_answers(Answers(store=store.name, server=SERVER, opening=opening), deduplicate=False)
            forget_opening(job.folder)
            numbers.append(store.open_job("job", SERVER).number)
    assert numbers == [first.number, first.number + 1]


@pytest.mark.parametrize("stands", [False, True], ids=["no file", "another file"])
def test_a_job_that_has_begun_takes_no_other_store_for_its_own(tmp_path: Path, stands: bool) -> None:
    """On a machine without its store all its rows would be paid, for an empty one knows no answer."""
    path = tmp_path / "answers.db"
    with open_store(str(path)) as store:
        answers = Answers(store=str(path), server=SERVER, opening=store.open_job("job", SERVER))
    with open_store_of(answers) as own:
        assert own.knows(answers.opening)
    path.unlink()
    if stands:
        open_store(str(path)).engine.dispose()
    with pytest.raises(DatabaseError, match="is not the one that the job began with"):
        open_store_of(answers)
    assert path.exists() is stands


@pytest.mark.parametrize(
    "name",
    ["postgresql://me:secret@db/answers", "postgresql://db/answers?password=secret", "nonsense://secret"],
    ids=["user", "query", "no dialect"],
)
def test_a_password_in_a_url_is_refused_and_not_quoted(name: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        open_store(name)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_database_that_does_not_answer_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOWHERE", "postgresql+psycopg://me:secret@127.0.0.1:1/answers")
    with pytest.raises(DatabaseError, match="--answers none") as refused:
        open_store("NOWHERE")
    assert "secret" not in str(refused.value)
