"""batch-openai: the lines become its results, as its `wait` makes them, which its `join` puts beside the rows."""

import json
import sys
import time
from pathlib import Path


def main(folder: Path) -> None:
    """Measure it, and print what it took."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from batch_openai import BatchResult  # type: ignore[import-not-found]

    begun = time.process_time()
    rows, lines = pq.read_table(folder / "rows.parquet"), []
    for path in sorted(folder.glob("output-*.jsonl")):
        lines += [json.loads(line) for line in path.read_text().strip().splitlines() if line]
    joined = BatchResult._from_jsonl_lines(lines).join(rows.to_pylist(), key=lambda row: str(row["id"]))
    answers = pa.array([item.output.content for item in joined])
    pq.write_table(rows.append_column("answer", answers), folder / "peer.parquet")
    taken = time.process_time() - begun
    print(json.dumps({"rows": len(answers.drop_null()), "processor_seconds": taken}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
