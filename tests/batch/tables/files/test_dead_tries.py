"""What a killed writer has left beside a table."""

import os
from pathlib import Path

from prefect_openai_batch.batch.tables.files.dead_tries import OLDER, remove_dead_tries


def test_a_table_that_stands_aside_is_kept_until_another_is_in_its_place(tmp_path: Path) -> None:
    """It may be the only whole one that there is."""
    target, aside = tmp_path / "answers", tmp_path / f".answers.0123abcd{OLDER}"
    aside.mkdir()
    os.utime(aside, (0, 0))
    remove_dead_tries(target)
    assert aside.exists()
    target.mkdir()
    remove_dead_tries(target)
    assert not aside.exists()
