"""Draw `docs/demo.svg`: what `prefect-openai-batch demo` prints, as a picture of a terminal.

python docs/make_picture.py
"""

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

COLUMNS = 112


def main() -> None:
    """Run the demo and draw what it prints."""
    command = [sys.executable, "-m", "prefect_openai_batch.cli", "demo"]
    with TemporaryDirectory() as folder:
        here = {"cwd": folder, "env": {**os.environ, "TMPDIR": folder}}
        done = subprocess.run(
            command, **here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        )
        printed = re.sub(r"~/tmp\w+", "~", done.stdout.replace(folder, "~"))
    console = Console(record=True, width=COLUMNS, file=StringIO())
    console.print(Text("$ make demo", style="bold"))
    console.print(Text(printed))
    console.save_svg(str(Path(__file__).with_name("demo.svg")), title="prefect-openai-batch demo")


if __name__ == "__main__":
    main()
