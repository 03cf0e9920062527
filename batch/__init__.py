"""What a batch is, with no Prefect and no OpenAI client in it."""

import os

# Arrow's own memory pool keeps what was given back to it, some 80 MB where several threads were at work, and saves
# no time here. The variable is read when Arrow is first loaded; whoever has set it, or loaded Arrow, keeps theirs.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
