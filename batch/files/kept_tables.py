"""Tables that a job folder keeps as Parquet and reads whole: a line for each item or row, values that differ."""

import pyarrow as pa
import pyarrow.parquet as pq

from ..storage.folders import Folder


def keep_table(folder: Folder, name: str, table: pa.Table) -> None:
    """Keep a table in a folder, whole or not at all."""
    with folder.create(name) as file:
        pq.write_table(table, file, use_dictionary=False)


def kept_table(folder: Folder, name: str) -> pa.Table:
    """A table as it was kept."""
    with folder.open(name) as file:
        return pq.ParquetFile(file).read()
