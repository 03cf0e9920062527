"""Who keeps answers: jobs of one key are told apart wherever a store names them."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from prefect_openai_batch import ChatRequest, FileSource, Job
from prefect_openai_batch.batch.answer_store.answers import Answers, KeptAnswer
from prefect_openai_batch.batch.answer_store.housekeeping import forget_keeper, held
from prefect_openai_batch.batch.answer_store.keepers import SHORT_NAME, introduce, keepers_named
from prefect_openai_batch.batch.answer_store.store import AnswerStore
from prefect_openai_batch.batch.answer_store.tables import prepare_engine
from prefect_openai_batch.batch.jobs.opening import describe_job
from prefect_openai_batch.batch.jobs.unsent.job_keepers import keeper_of, keeper_of_trial
from prefect_openai_batch.blocks.databases import open_store
from prefect_openai_batch.cli.answers.answers_command import answers_command
from sqlalchemy import create_engine

SERVER = "https://api.openai.com/v1"
REQUEST = ChatRequest(model="gpt-5-mini", prompt="Positive or negative? {{ review }}")


def job(storage: str = "/one", request: ChatRequest = REQUEST, source: str = "/reviews.csv") -> Job:
    return describe_job(FileSource(path=source), request, "/labelled.csv", job_key="nightly", storage=storage)


def ask(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(answers_command, [*words, "--answers", "TEAM_ANSWERS"])
    return done.exit_code, done.output


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, database: str) -> Iterator[AnswerStore]:
    """A store in which two jobs of one key, in two storages, have each kept an answer."""
    monkeypatch.setenv("TEAM_ANSWERS", database)
    with open_store("TEAM_ANSWERS") as opened:
        for storage in ("/one", "/two"):
            keeper = keeper_of(job(storage))
            introduce(opened, keeper)
            digest, told = storage.encode(), ("/v1/responses", "gpt-5-mini", keeper.name, "id", 10, 5, "0.25")
            opened.keep([KeptAnswer(digest, b"{}", *told)], opened.open_job(keeper.name, SERVER))
        yield opened


def test_jobs_of_one_key_have_numbers_of_their_own_and_forgetting_one_leaves_the_other(store: AnswerStore) -> None:
    one, two = (keeper_of(job(storage)).name for storage in ("/one", "/two"))
    numbers = [store.open_job(name, SERVER).number for name in (one, two, one)]
    assert numbers[0] == numbers[2] != numbers[1]
    assert forget_keeper(store, one) == 1
    assert [(who.keeper.folder, who.answers) for who in held(store)] == [("/two/nightly", 1)]
    assert store.open_job(two, SERVER).number == numbers[1]
    assert store.open_job(one, SERVER).number > numbers[1], "forgotten, it begins anew"


def test_a_person_tells_them_apart_and_names_one(store: AnswerStore) -> None:
    """By its folder and by what it asks; a key that two have is not taken for either."""
    code, shown = ask("show")
    assert code == 0
    assert "/one/nightly" in shown
    assert "gpt-5-mini: Positive or negative? {{ review }} → labelled.csv" in shown
    code, said = ask("forget", "--job", "nightly", "--yes")
    assert (code, sum(one.answers for one in held(store))) == (2, 2)
    assert "2 jobs are called 'nightly'" in said
    name = keeper_of(job("/two")).name[:SHORT_NAME]
    assert name in said
    assert ask("forget", "--job", name, "--yes") == (0, "1 answer removed\n")
    assert ask("forget", "--job", "nightly", "--yes") == (0, "1 answer removed\n")
    assert ask("forget", "--job", "nightly", "--yes") == (0, "0 answers removed\n")
    assert keepers_named(store, "") == []


@pytest.mark.parametrize(
    "other",
    [
        job(request=REQUEST.model_copy(update={"prompt": "How many stars? {{ review }}"})),
        job(source="/other.csv"),
        job(storage="s3://lake/jobs"),
    ],
    ids=["request", "source", "storage"],
)
def test_a_job_is_more_than_its_key(other: Job) -> None:
    """Its folder may have the same path on two machines, so what is asked of what counts too."""
    assert keeper_of(other).name != keeper_of(job()).name == keeper_of(job()).name


def test_a_keeper_holds_no_secret_and_a_new_signature_makes_no_other() -> None:
    signed = [f"https://me:hush@lake.example/reviews.csv?sig=hush{number}" for number in range(2)]
    keepers = [keeper_of(job(source=url, storage="s3://me:hush@lake/jobs")) for url in signed]
    assert keepers[0] == keepers[1]
    assert "hush" not in keepers[0].model_dump_json()


def test_each_trial_is_one_of_its_own() -> None:
    first, second = (keeper_of_trial(REQUEST, ("gpt-5", "gpt-5-nano")) for _ in range(2))
    assert first.key != second.key
    assert first.name != second.name
    assert first.asks == "gpt-5-mini: Positive or negative? {{ review }} (by gpt-5, gpt-5-nano)"


OLD_TABLES = (
    "CREATE TABLE openai_batch_answers (digest {bytes} NOT NULL, edition BIGINT NOT NULL, kept_at BIGINT NOT NULL,"
    " endpoint VARCHAR(64) NOT NULL, model VARCHAR, job_key VARCHAR(64) NOT NULL, custom_id VARCHAR NOT NULL,"
    " input_tokens BIGINT, output_tokens BIGINT, cost_usd VARCHAR(40), body {bytes} NOT NULL,"
    " PRIMARY KEY (digest, edition))",
    "CREATE TABLE openai_batch_openings (number {number}, job_key VARCHAR(64) NOT NULL, server VARCHAR NOT NULL,"
    " opened_at BIGINT NOT NULL, UNIQUE (job_key, server))",
    "INSERT INTO openai_batch_openings (job_key, server, opened_at) VALUES ('nightly', 'server', 1)",
    "INSERT INTO openai_batch_answers VALUES ({key}, 1, 1, '/v1/responses', 'gpt-5-mini', 'nightly', 'id', 10, 5,"
    " '0.25', {value})",
)
"""As the version before made and filled them."""


def test_a_store_of_an_earlier_version_is_read_and_its_jobs_are_known_by_their_keys(database: str) -> None:
    engine = prepare_engine(create_engine(database))
    postgres = engine.dialect.name == "postgresql"
    words = {
        "bytes": "BYTEA" if postgres else "BLOB",
        "number": "BIGSERIAL PRIMARY KEY" if postgres else "INTEGER PRIMARY KEY AUTOINCREMENT",
        "key": r"'\x6f6c64'" if postgres else "X'6f6c64'",
        "value": r"'\x7b7d'" if postgres else "X'7b7d'",
    }
    with engine.connect() as connection:
        for statement in OLD_TABLES:
            connection.exec_driver_sql(statement.format(**words))
        connection.commit()
    with AnswerStore(engine) as store:
        assert store.find([b"old"], store.now()) == {b"old": b"{}"}
        assert store.open_job(keeper_of(job()).name, SERVER).number == 2
        answers = Answers(store="", server=SERVER, opening=store.now())
        name = answers.keeper_of("nightly").name
        assert [one.keeper.key for one in held(store)] == [name] == ["nightly"]
        assert [one.name for one in keepers_named(store, "nightly")] == ["nightly"]
        assert forget_keeper(store, name) == 1
