"""What a trial of 20 rows foretells of a table of 10,000, beside what the whole job costs on the local server.

    python -m benchmarks.trials [--rows 10000] [--seeds 5]

A tenth of the texts is 2 to 30 times as long as the others. Two models are tried on the same rows; the column
`label` holds the true answers, as the server's rules find them, but for one in ten.
"""

import argparse
import logging
import os
import random
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_openai_batch import ChatRequest, RunOptions, run_dataframe, try_rows
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.emulator.answers.rules import sentiment

from .prefect_server import prefect_server
from .turns import machine

MODELS = ("gpt-5-mini", "gpt-5")
REQUEST = ChatRequest(
    model=MODELS[0],
    prompt="How is this review meant? {{ review }}",
    answer={"sentiment": "positive | negative | mixed", "reason": "text?"},
)
PHRASES = (
    "works well, I love it",
    "broke after a day",
    "arrived on Tuesday",
    "is bad, and I want a refund",
    "is blue",
)


def main() -> None:
    """Try the table with each seed, run it whole with each model, and print both beside each other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    frame = reviews(options.rows)
    logging.disable(logging.WARNING)
    print(f"{machine()}\n")
    print("seed  model       calls files batches  estimate     bill     off  right  right of all")
    with (
        TemporaryDirectory() as folder,
        prefect_server(Path(folder)) as url,
        temporary_settings({PREFECT_API_URL: url}),
    ):
        bills = {model: whole(frame, model, Path(folder)) for model in MODELS}
    for seed in range(options.seeds):
        show(frame, seed, bills)


def reviews(rows: int) -> pd.DataFrame:
    """Texts of many lengths, and how they are meant."""
    dice = random.Random(0)
    texts = [
        f"{number}: the kettle {' and '.join(dice.choices(PHRASES, k=1 if number % 10 else dice.randint(2, 30)))}."
        for number in range(rows)
    ]
    moods = [sentiment(text) if number % 10 else 1 for number, text in enumerate(texts)]
    labels = ["positive" if mood > 0 else "negative" if mood < 0 else "mixed" for mood in moods]
    return pd.DataFrame({"review": texts, "label": labels})


def whole(frame: pd.DataFrame, model: str, storage: Path) -> tuple[Decimal, float]:
    """What the whole table costs on the server's own account, and the share of right answers."""
    request = REQUEST.model_copy(update={"model": model})
    with BatchServer() as server:
        os.environ |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "test"}
        answers = run_dataframe(frame, request, storage=str(storage), options=RunOptions(poll_seconds=0.5))
        return Decimal(server.bill()["usd"]), float((answers["sentiment"] == frame["label"]).mean())


def show(frame: pd.DataFrame, seed: int, bills: dict[str, tuple[Decimal, float]]) -> None:
    """One trial, a line a model."""
    with BatchServer() as server:
        os.environ |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "test"}
        trial = try_rows(frame, REQUEST, models=MODELS, expect={"sentiment": "label"}, seed=seed)
        state, calls = server.state(), server.bill()["synchronous"]
    for tried in trial.report.models:
        assert tried.whole is not None
        assert tried.whole.batch_usd is not None
        bill, right = bills[tried.model]
        off = float(tried.whole.batch_usd / bill) - 1
        print(
            f"{seed:>4}  {tried.model:<11} {calls:>5} {len(state['files']):>5} {len(state['batches']):>7} "
            f"{tried.whole.batch_usd:>9.4f} {bill:>8.4f} {off:>+7.2%} {tried.scores[0].right / tried.asked:>6.0%} "
            f"{right:>13.0%}"
        )
    (agreement, *_) = trial.report.agreements
    print(f"      both models say the same {agreement.field} in {agreement.agreed} of {agreement.compared} rows")


if __name__ == "__main__":
    main()
