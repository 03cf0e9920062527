"""`python -m prefect_openai_batch.cli`: the command line, where its script is not on the path."""

from . import main

main()
