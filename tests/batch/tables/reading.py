"""Files as a test writes them, and what our sources read of them."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from prefect_openai_batch.batch.errors import SourceError
from prefect_openai_batch.batch.tables.sources import FileSource, open_source

FIXTURE_IS_REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def table_of(path: Path, rows: int = 5_000, **options: Any) -> pa.Table:
    reader = open_source(FileSource(path=str(path), **options), rows)
    return pa.Table.from_batches(list(reader), reader.schema)


def rows_of(path: Path, **options: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table_of(path, **options).to_pylist()
    return rows


def refusal(path: Path, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as refused:
        rows_of(path, **options)
    assert str(path) in str(refused.value)
    return refused.value


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
