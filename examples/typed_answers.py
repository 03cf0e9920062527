"""A pydantic class in, typed columns out: each review labelled, the labels counted."""

from pathlib import Path
from typing import Literal

import pandas as pd
from prefect_openai_batch import ChatRequest, run_dataframe
from pydantic import BaseModel, Field


class Label(BaseModel):
    """What is to be told of a review."""

    sentiment: Literal["positive", "negative", "mixed"]
    stars: int = Field(ge=1, le=5, description="as the customer would give them")
    topics: list[str]
    wants_refund: bool


def main() -> None:
    """Label the first reviews, and count what they say."""
    reviews = pd.read_csv(Path(__file__).with_name("reviews.csv")).head(20)
    request = ChatRequest(
        model="gpt-5-mini",
        prompt="Label this review of {{ product }}: {{ review }}",
        answer=Label,
    )
    labelled = run_dataframe(reviews, request)
    print(labelled[["product", "sentiment", "stars", "topics", "wants_refund"]].head().to_string())
    print(labelled.groupby("sentiment", observed=False)["stars"].agg(["size", "mean"]).to_string())


if __name__ == "__main__":
    main()
