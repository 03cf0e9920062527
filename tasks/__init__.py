"""The tasks, one file a step.

Those that the package exports work in anyone's flow, and in a script with no flow at all. The others are steps of
our own flows: `check_access`, `adopt_batches`, `submit_in_room`, `reconsider_batch`, `answer_items`,
`find_job_batches`, `recognise_table` and `recognise_recovered`.
"""

from .adopt import adopt_batches, find_job_batches
from .answer import answer_items
from .build import build_items
from .cancel import cancel_batch, cancel_job
from .clean import clean_up
from .fetch import fetch_output
from .look import check_access, get_batch, list_batches
from .marks import keep_mark
from .read import read_source
from .recognise import recognise_recovered, recognise_table
from .reconsider import reconsider_batch
from .shown.log_lines import calm_lines
from .submit import look_for_room, submit_batch, submit_in_room
from .wait import sensor_options, wait_for_batch, wait_for_batches
from .write import write_results

__all__ = [
    "adopt_batches",
    "answer_items",
    "build_items",
    "cancel_batch",
    "cancel_job",
    "check_access",
    "clean_up",
    "fetch_output",
    "find_job_batches",
    "get_batch",
    "keep_mark",
    "list_batches",
    "look_for_room",
    "read_source",
    "recognise_recovered",
    "recognise_table",
    "reconsider_batch",
    "sensor_options",
    "submit_batch",
    "submit_in_room",
    "wait_for_batch",
    "wait_for_batches",
    "write_results",
]

calm_lines()
