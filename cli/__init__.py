"""The few commands a person types: `prefect-openai-batch`."""

import sys

from ..batch.progress import command_begins, waited_for

__all__ = ["main"]


def main() -> None:
    """Load and run the command line: on a busy machine that takes seconds."""
    command_begins()
    try:
        with waited_for("loading"):
            from .app import main
    except KeyboardInterrupt:
        sys.exit("error: stopped")
    main()
