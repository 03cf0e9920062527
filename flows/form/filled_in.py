"""What was filled in, as the parameters of a job: no server is asked, no file looked at."""

from collections.abc import Sequence
from typing import TypedDict

from pydantic import ValidationError

from ...batch.errors import ModelNotFound, RequestError, SourceError
from ...batch.jobs.job import IfExists
from ...batch.jobs.options import RunOptions
from ...batch.requests.chat_request import ChatRequest
from ...batch.tables.sources import FileSource
from ..runs import wait_of
from .answer_columns import AnswerColumn, fields_of

LONGEST_ANSWER = 4_000
"""Tokens that an answer may take where there is a budget, thinking included: without a limit no budget holds."""


class JobParameters(TypedDict):
    """Parameters of `openai_batch`."""

    source: FileSource
    request: ChatRequest
    destination: str | None
    credentials: str
    if_exists: IfExists
    options: RunOptions


def job_parameters(
    *,
    credentials: str,
    table: str,
    question: str,
    answer: Sequence[AnswerColumn],
    model: str,
    result: str,
    replace: bool,
    rows: int,
    budget_usd: float,
    suspend: bool,
) -> JobParameters:
    """What `openai_batch` takes, of what the form's flow is given; in it 0 and "" mean that nothing was wished.

    Raises:
        Refused: what has to be filled in is blank, or a column of the answer is not whole.
    """
    for given, refusal in ((place_of(table), SourceError), (question, RequestError), (model, ModelNotFound)):
        if not given.strip():
            raise refusal("nothing is filled in.")
    return {
        "source": FileSource(path=place_of(table), limit=rows or None),
        "request": _request(question.strip(), answer, model.strip(), bounded=budget_usd > 0),
        "destination": place_of(result) or None,
        "credentials": credentials,
        "if_exists": "replace" if replace else "refuse",
        "options": RunOptions(wait=wait_of(suspend=suspend), budget_usd=budget_usd or None),
    }


def place_of(typed: str) -> str:
    """A path or URL without the blanks and line ends around it, and the quotes that file managers copy it in."""
    place = typed.strip()
    return place[1:-1].strip() if len(place) > 1 and place[0] == place[-1] and place[0] in "\"'" else place


def _request(question: str, answer: Sequence[AnswerColumn], model: str, *, bounded: bool) -> ChatRequest:
    fields = fields_of(answer)
    parameters = {"max_completion_tokens": LONGEST_ANSWER} if bounded else {}
    try:
        return ChatRequest(model=model, prompt=question, answer=fields or None, parameters=parameters)
    except ValidationError as error:
        raise RequestError(error.errors()[0]["msg"]) from None
