"""What the tasks ask of OpenAI: each call, how often it is tried, and what is made of its answer.

A submission goes down once: `claims` (the one batch of an input file); `uploads`, `creation` and `twins` (its
steps); `listing` (what the list shows of it); `connection` (every call); `tries` (how often each is tried).
What it gave comes up by `outputs`, from whole `downloads`.
"""
