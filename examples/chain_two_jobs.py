"""Two jobs in a row: reviews are classified, then those that complain are asked what is wrong.

Each job has a key of its own, made of the chain's. Whatever ends the chain, the same call goes on where it was.
"""

from pathlib import Path
from typing import Literal

import pandas as pd
from prefect import flow
from prefect_openai_batch import ChatRequest, RunOptions, openai_batch
from pydantic import BaseModel


class Mood(BaseModel):
    """What every review is asked."""

    sentiment: Literal["positive", "negative", "mixed"]


class Complaint(BaseModel):
    """What only those are asked that complain."""

    problem: str
    wants: Literal["refund", "replacement", "repair", "nothing"]


CLASSIFY = ChatRequest(
    model="gpt-5-mini",
    prompt="How is this review of the {{ product }} meant? {{ review }}",
    answer=Mood,
)
EXTRACT = ChatRequest(
    model="gpt-5-mini",
    prompt="What is wrong with the {{ product }}, and what does the customer want?\n\n{{ review }}",
    answer=Complaint,
)
WHOLE = RunOptions(min_answered=1)  # the second job is to ask about all of the first one's answers, or not at all


@flow(retries=1)
def complaints(reviews: str, folder: str, key: str) -> str:
    """The complaints among the reviews, each with what is wrong; where their table lies."""
    classified, negative, extracted = (
        f"{folder}/{name}.parquet" for name in ("classified", "negative", "extracted")
    )
    openai_batch(reviews, CLASSIFY, classified, job_key=f"{key}-classify", options=WHOLE)
    moods = pd.read_parquet(classified)
    moods.loc[moods["sentiment"] == "negative", ["review_id", "product", "review"]].to_parquet(negative)
    openai_batch(negative, EXTRACT, extracted, job_key=f"{key}-extract", options=WHOLE)
    return extracted


def main() -> None:
    """Ask about the shipped reviews, and print the first complaints."""
    Path("complaints").mkdir(exist_ok=True)
    table = complaints(str(Path(__file__).with_name("reviews.csv")), "complaints", key="complaints")
    found = pd.read_parquet(table)
    print(f"{len(found)} complaints; the customers want: {found['wants'].value_counts().to_dict()}")
    print(found[["review_id", "product", "problem", "wants"]].head(8).to_string(index=False))


if __name__ == "__main__":
    main()
