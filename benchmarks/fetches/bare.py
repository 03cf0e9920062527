"""The bare loop: `python -m benchmarks.fetches.bare FOLDER` does `orjson.loads` of each line, and no more."""

import json
import sys
import time
from pathlib import Path

import orjson


def main(folder: Path) -> None:
    """Measure it, and print what it took."""
    rows, begun = 0, time.process_time()
    for path in sorted(folder.glob("output-*.jsonl")):
        with path.open("rb") as lines:
            for line in lines:
                orjson.loads(line)
                rows += 1
    print(json.dumps({"rows": rows, "processor_seconds": time.process_time() - begun}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
