"""Three nights over a table that grows: each night asks about the rows that no night before has taken.

prefect-openai-batch emulator &                                # or your key, and no OPENAI_BASE_URL
export OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=test
python examples/only_new_rows.py
"""

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect_openai_batch import ChatRequest, FileSource, RunOptions, Watermark, openai_batch

NIGHTS = [
    [("2026-11-24 18:00:00", "The lamp flickers."), ("2026-11-24 21:30:00", "No lid in the box.")],
    [("2026-11-24 21:30:00", "Came a day late."), ("", "I would buy it again.")],  # a tie; and one without a time
    [],
]
"""What customers write from night to night."""


def main() -> None:
    """Run the nights one after another."""
    with TemporaryDirectory() as place:
        folder, complaints = Path(place), [("written_at", "complaint")]
        source = FileSource(
            path=str(folder / "complaints.csv"),
            types={"written_at": "timestamp"},
            watermark=Watermark(column="written_at", lag="2h"),
        )
        request = ChatRequest(model="gpt-5-mini", prompt="What is wrong? {{ complaint }}")
        options = RunOptions(answers=str(folder / "answers.db"))
        for number, came in enumerate(NIGHTS, 1):
            complaints += came
            with Path(source.path).open("w", newline="") as file:
                csv.writer(file).writerows(complaints)
            report = openai_batch(source, request, str(folder / f"night-{number}.csv"), options=options)
            print(f"night {number}: {report.rows} rows, {report.new_rows}")


if __name__ == "__main__":
    main()
