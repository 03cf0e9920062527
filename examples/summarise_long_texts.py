"""Texts that are too long for one prompt: cut into parts, each summarised, and their summaries summarised.

The long texts are all reviews of a product, one after the other. The rows come back in their order, one a text.
"""

from pathlib import Path
from textwrap import wrap

import pandas as pd
from prefect import flow
from prefect_openai_batch import ChatRequest, RunOptions, openai_batch

PART = 400
"""Characters of a part. Take some ten thousand for real texts: a prompt holds more, and says more of it."""

PARTS = ChatRequest(
    model="gpt-5-mini",
    prompt="Summarise in one sentence what these customers say of the {{ product }}:\n\n{{ part }}",
)
WHOLES = ChatRequest(
    model="gpt-5-mini",
    prompt="Summarise these notes on the {{ product }} in one sentence:\n\n{{ notes }}",
)
ALL = RunOptions(min_answered=1)  # no summary of half a text


@flow(retries=1)
def summarise(texts: str, folder: str, key: str) -> str:
    """One summary for each text; where their table lies, in the texts' order."""
    parts, noted, notes, summaries = (
        f"{folder}/{name}.parquet" for name in ("parts", "parts-noted", "notes", "summaries")
    )
    whole = pd.read_parquet(texts)
    pieces = whole["text"].map(lambda text: wrap(text, PART))
    cut = whole.assign(part=pieces).explode("part", ignore_index=True)
    cut[["product", "part"]].to_parquet(parts)
    openai_batch(parts, PARTS, noted, job_key=f"{key}-parts", options=ALL)
    told = pd.read_parquet(noted).groupby("product", sort=False)["answer"].agg("\n".join)
    told.rename("notes").reset_index().to_parquet(notes)
    openai_batch(notes, WHOLES, summaries, job_key=f"{key}-texts", options=ALL)
    return summaries


def main() -> None:
    """Summarise what customers say of each product, and print it."""
    Path("summaries").mkdir(exist_ok=True)
    reviews = pd.read_csv(Path(__file__).with_name("reviews.csv"))
    texts = reviews.groupby("product", sort=False)["review"].agg("\n".join).rename("text").reset_index()
    texts.to_parquet("summaries/texts.parquet")
    table = summarise("summaries/texts.parquet", "summaries", key="summaries")
    for product, summary in pd.read_parquet(table)[["product", "answer"]].itertuples(index=False):
        print(f"{product:20}{summary}")


if __name__ == "__main__":
    main()
