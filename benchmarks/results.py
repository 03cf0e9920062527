"""`RESULTS.md`: the machine, and every table that was printed last, in the order of the work.

python -m benchmarks.results > benchmarks/RESULTS.md
"""

from pathlib import Path

from benchmarks.turns import machine

HERE = Path(__file__).parent

TABLES = {
    "building": "Building: 200,000 rows made into input files",
    "fetching": "Fetching: output files made into the table",
    "typed_answers": "What typed answers add to fetching",
    "against_a_script": "The whole job beside a plain script",
    "answers.kept": "Answers kept and looked up",
    "memory": "Memory of the whole flow",
    "lakes.many_files": "A thousand files in, a folder of files out",
    "databases.sql_reading": "Rows read from databases",
    "answers.second_runs": "What is sent again of rows whose answers are kept",
    "overhead": "What Prefect costs",
    "matrices.engines": "The same job on other engines, and with a worker killed",
    "suspended_jobs": "200 suspended jobs at once",
    "waiting": "A day of waiting",
    "enqueued": "Ten runs that share what may be enqueued, and the pace of creations",
    "simulation": "Ten and a hundred million rows, simulated",
    "trials": "What trials foretell, beside the bill",
    "emulator_million": "The local server with a million lines",
}
"""The scripts, by the names of their tables."""


def main() -> None:
    """Print all tables that are there."""
    print("# Results\n\nEach table is what its script printed last, with a note below where it needs one.")
    print("Ratios are made within one run. This machine:")
    print(
        f"{machine()}.\n\n`make bench` makes them anew. What kills, faults and races come to, `make matrix` tells."
    )
    for name, title in TABLES.items():
        table = HERE / f"{name.replace('.', '/')}.txt"
        if table.exists():
            print(f"\n## {title}\n\n`python -m benchmarks.{name}`\n\n```\n{table.read_text().rstrip()}\n```")


if __name__ == "__main__":
    main()
