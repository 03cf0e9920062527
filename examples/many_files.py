"""A lake of files in, a folder of files out: many Parquet files are one table, their folders' names its columns.

    python examples/many_files.py

It makes a little lake of its own in a temporary folder, and asks the server that OPENAI_BASE_URL names; without it
and a key, a local one that costs nothing. Yours lies at s3://lake/reviews/ or the like.
"""

import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from prefect_openai_batch import ChatRequest, RunOptions, openai_batch
from prefect_openai_batch.emulator import BatchServer, Timing


def make_lake(folder: Path) -> None:
    """A day's reviews by country, as Spark, pandas and their like write them."""
    reviews = pd.read_csv(Path(__file__).with_name("reviews.csv")).head(12)
    reviews["day"], reviews["country"] = "2026-11-24", ["DE", "FR", "IT"] * 4
    reviews.to_parquet(folder, partition_cols=["day", "country"])


def main() -> None:
    """Ask about one day, and look at what came."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        if "OPENAI_BASE_URL" not in os.environ and "OPENAI_API_KEY" not in os.environ:
            server = stack.enter_context(BatchServer(timing=Timing(validating=0, running=0, finalizing=0)))
            os.environ |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "local"}
        make_lake(folder / "reviews")
        request = ChatRequest(
            model="gpt-5-mini",
            prompt="What does this buyer in {{ country }} think? {{ review }}",
            answer={"sentiment": "positive | negative | mixed"},
        )
        report = openai_batch(
            f"{folder}/reviews/day=2026-11-24/*/*.parquet",
            request,
            f"{folder}/answers/",  # the / makes a folder of it, in files of 100,000 rows
            storage=f"{folder}/jobs",
            options=RunOptions(poll_seconds=1),
        )
        print(f"{report.answered} of {report.rows} rows answered")
        print("files:", *sorted(path.name for path in (folder / "answers").iterdir()))
        table = pd.read_parquet(folder / "answers")
        print(table[["country", "day", "product", "sentiment"]].to_string(index=False))


if __name__ == "__main__":
    main()
