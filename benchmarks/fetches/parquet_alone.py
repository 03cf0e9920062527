"""The least the table takes: `python -m benchmarks.fetches.parquet_alone FOLDER` writes its vectors and no more.

They are those of the table that was written last, in memory before the time begins, by Arrow's writer with what it
does not need switched off.
"""

import json
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from .stage import TABLE


def main(folder: Path) -> None:
    """Measure it, and print what it took."""
    vectors = pq.read_table(folder / TABLE, columns=["answer"])
    begun = time.process_time()
    pq.write_table(
        vectors, folder / "vectors.parquet", compression="none", use_dictionary=False, write_statistics=False
    )
    taken = time.process_time() - begun
    print(json.dumps({"rows": vectors.num_rows, "processor_seconds": taken}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
