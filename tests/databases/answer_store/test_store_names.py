"""What an answer store is called, and what a misspelt name does: it is told the rule, and nothing is made."""

from pathlib import Path

import pytest
from prefect_openai_batch import DatabaseError
from prefect_openai_batch.batch.answer_store.store import AnswerStore
from prefect_openai_batch.blocks.databases import database_url, existing_store, open_store
from sqlalchemy import create_engine, inspect


@pytest.mark.usefixtures("prefect_server")
def test_a_name_that_nothing_bears_is_told_which_names_are_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """And which variable with a database's URL has nearly that name; its URL is not quoted."""
    monkeypatch.setenv("TEAM_ANSWERS", "postgresql://me:secret@db/answers")
    with pytest.raises(DatabaseError, match=r"'answrs'.*ends in \.db, \.sqlite or \.sqlite3, or has its folder"):
        open_store("answrs")
    with pytest.raises(DatabaseError, match="is TEAM_ANSWERS meant") as refused:
        open_store("team_answer")
    assert "secret" not in str(refused.value)
    with pytest.raises(DatabaseError, match="export SHOP=sqlite:///shop.db"):
        database_url("shop.db")


def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    for opened in (open_store, existing_store):
        with pytest.raises(DatabaseError, match=f"mkdir -p {tmp_path / 'typo'}"):
            opened(str(tmp_path / "typo" / "answers.db"))
    assert not (tmp_path / "typo").exists()


def test_to_look_for_a_store_makes_nothing(database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file, and no tables in a database that is there."""
    monkeypatch.setenv("TEAM_ANSWERS", database)
    assert existing_store("TEAM_ANSWERS") is None
    if database.startswith("postgresql"):
        engine = create_engine(database)
        assert inspect(engine).get_table_names() == []
        engine.dispose()
    assert not [*tmp_path.iterdir()]
    open_store("TEAM_ANSWERS").engine.dispose()
    found = existing_store("TEAM_ANSWERS")
    assert isinstance(found, AnswerStore)
    found.engine.dispose()


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_file_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is made, by name or by URL, and an empty one that was there; what was shared since stays so."""
    (tmp_path / "empty.db").touch(0o644)
    monkeypatch.setenv("TEAM_ANSWERS", f"sqlite:///{tmp_path / 'url.db'}")
    for name in (str(tmp_path / "new.DB"), str(tmp_path / "empty.db"), "TEAM_ANSWERS"):
        open_store(name).engine.dispose()
    assert {path.name: mode_of(path) for path in tmp_path.iterdir()} == dict.fromkeys(
        ("new.DB", "empty.db", "url.db"), 0o600
    )
    (tmp_path / "new.DB").chmod(0o660)
    open_store(str(tmp_path / "new.DB")).engine.dispose()
    assert mode_of(tmp_path / "new.DB") == 0o660


def test_a_database_that_others_may_read_does_not_become_a_store(tmp_path: Path) -> None:
    """Whose mode is to be changed is for its owner to say."""
    path = tmp_path / "shop.db"
    path.touch(0o644)
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE orders (id INTEGER)")
    engine.dispose()
    with pytest.raises(DatabaseError, match=f"chmod 600 {path}"):
        open_store(str(path))
    path.chmod(0o600)
    open_store(str(path)).engine.dispose()


def test_what_a_database_says_is_said_of_a_store_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its own words, without the password."""
    (tmp_path / "text.db").write_text("This is no database at all. " * 100)
    with pytest.raises(DatabaseError, match="file is not a database"):
        open_store(str(tmp_path / "text.db"))
    monkeypatch.setenv("NOWHERE", "postgresql+psycopg://me:secret@127.0.0.1:1/answers")
    with pytest.raises(DatabaseError, match="cannot be reached: .*[Cc]onnection refused") as refused:
        open_store("NOWHERE")
    assert "secret" not in str(refused.value)
