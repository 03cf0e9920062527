"""llm-batch-py: its adapter parses the lines into typed answers; Polars, which it uses, joins them to the rows.

Its own runner does the same by way of a catalogue of all calls, which is left out here.
"""

import json
import sys
import time
from pathlib import Path


def main(folder: Path) -> None:
    """Measure it, and print what it took."""
    import polars as pl  # type: ignore[import-not-found]
    from llm_batch_py.providers.openai import OpenAIBatchAdapter  # type: ignore[import-not-found]

    begun = time.process_time()
    results = []
    for path in sorted(folder.glob("output-*.jsonl")):
        results += OpenAIBatchAdapter._parse_result_lines(None, None, path.read_text().splitlines())
    counts = [{"input_tokens": one.input_tokens, "output_tokens": one.output_tokens} for one in results]
    told = [
        {"id": one.custom_id, **one.parsed_output, **tokens} for one, tokens in zip(results, counts, strict=True)
    ]
    answers = pl.DataFrame(told, infer_schema_length=None)
    joined = pl.read_parquet(folder / "rows.parquet").join(answers, on="id", how="left", maintain_order="left")
    joined.write_parquet(folder / "peer.parquet")
    taken = time.process_time() - begun
    print(json.dumps({"rows": joined.height - joined["sentiment"].null_count(), "processor_seconds": taken}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
