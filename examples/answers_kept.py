"""Two nights over one table: the second pays for the rows that are new."""

from pathlib import Path

import pandas as pd
from prefect_openai_batch import RunOptions, openai_batch

REVIEWS = Path(__file__).with_name("reviews.csv")


def main() -> None:
    """Label the reviews of Monday, then those of Tuesday, of which ten are new."""
    reviews = pd.read_csv(REVIEWS)
    options = RunOptions(answers="answers.db", max_answer_age_days=365)
    for day, rows in {"monday": 40, "tuesday": 50}.items():
        table = Path(f"{day}.csv").absolute()
        reviews.head(rows).to_csv(table, index=False)
        report = openai_batch(
            str(table),
            str(REVIEWS.with_name("label_reviews.yaml")),
            str(table.with_name(f"{day}-labelled.parquet")),
            job_key=f"reviews-{day}",
            options=options,
        )
        print(f"{day}: {report.answered} answered, {report.from_store} of them from the store, {report.bill}")


if __name__ == "__main__":
    main()
