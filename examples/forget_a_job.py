"""A job over people's data, and then nothing of it: what is removed is said, and what stays where."""

from pathlib import Path

import pandas as pd
from prefect_openai_batch import ChatRequest, forget_job, run_dataframe


def main() -> None:
    """Label some reviews, keep the labels elsewhere, forget the job."""
    reviews = pd.read_csv(Path(__file__).with_name("reviews.csv")).head(20)
    request = ChatRequest(model="gpt-5-mini", prompt="Positive, negative or mixed? {{ review }}")
    labels = run_dataframe(reviews, request, job_key="twenty-reviews")[["review_id", "answer"]]
    labels.to_csv("labels_kept.csv", index=False)
    told = forget_job("twenty-reviews", results_too=True)  # the results lie in the job's folder alone
    print("\n".join(told))


if __name__ == "__main__":
    main()
