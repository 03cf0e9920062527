"""What a run wishes: one model, for every flow, the form and the command line."""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from ..answer_store.names import checked_name
from ..errors import BudgetError
from ..form_texts import without_example, without_none
from ..prices import Budget, Given, GivenPrice, MaybeRate, exact
from ..urls import as_text
from .deadlines import CANCEL_LEAD_MINUTES, Deadline, make_deadline
from .terms import Terms

SETTLE_SECONDS = 120.0
"""How long a batch whose creation got no answer is looked for: OpenAI's list may lag."""

POLL_SECONDS = 2.0
"""The shortest time between looks: many a small batch ends within seconds."""

MAX_POLL_SECONDS = 600.0
"""The longest; with it a batch of 24 hours is looked at fewer than 200 times."""

LONGEST_SECONDS = 86_400.0
"""No pause of a run is longer: that is all the time a batch has."""

LONGEST_DAYS = 1_000_000.0
"""No answer is asked for that may be older."""

KEEP_DAYS = 7.0
"""Rows are people's data: a finished job's folder does not hold them for good."""

Wait = Literal["sensor", "suspend", "detach"]
"""Where a run waits for its batches: in its own process, suspended and without one, or not at all."""


GROWTH = 6
"""A look comes when a sixth of what is waited for's age has passed since the last."""


ROOM_LOOK_SECONDS = 45.0
"""Room that others hold is looked for so often at least, where the shortest pause is not longer."""


class Pauses(NamedTuple):
    """The shortest and the longest time between two looks, in seconds; the shortest counts where it is longer."""

    shortest: float = POLL_SECONDS
    longest: float = MAX_POLL_SECONDS

    @property
    def most(self) -> float:
        """The longest that there is."""
        return max(self.longest, self.shortest)

    def after(self, age: float) -> float:
        """The pause before the next look at what has been waited for so long."""
        return min(max(age / GROWTH, self.shortest), self.most)

    def for_room(self) -> "Pauses":
        """The pauses between looks for room that others hold."""
        return Pauses(self.shortest, min(self.longest, ROOM_LOOK_SECONDS))


class RunOptions(BaseModel):
    """How much at once, how often, until when, and where a run waits; what is left out is as most want it.

    Example:
        ```python
        from prefect_openai_batch import RunOptions

        tonight = RunOptions(finish_by="08:00 Europe/Berlin", answer_rest=True)
        ```
    """

    model_config = ConfigDict(frozen=True, extra="forbid", title="Options", json_schema_extra=without_example)

    in_flight: int = Field(
        default=20, ge=1, title="Batches at once", description="Batches at OpenAI at once, of 50,000 rows at most."
    )
    max_enqueued_tokens: int | None = Field(
        default=None,
        ge=1,
        title="Enqueued tokens",
        description="The most input tokens of a model in open batches, over all runs of the OpenAI project: its "
        "enqueued token limit, or less. What finds no room waits. It holds until another is given.",
        json_schema_extra=without_none,
    )
    max_rounds: int = Field(
        default=3,
        ge=1,
        title="Rounds",
        description="How often a row may be sent: rows that failed in passing go again, alone.",
    )
    min_answered: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Least share answered",
        description="The share of rows, from 0 to 1, below which the run counts as failed.",
    )
    wait: Wait = Field(
        default="sensor",
        title="Wait",
        description="Where the run waits for its batches: sensor, in its own process; suspend, without a process, "
        "until it is woken; detach, not at all: it ends as Submitted, and resume_job or the same run again "
        "goes on.",
    )
    finish_by: str = Field(
        default="",
        title="Finish by",
        description="When to be done: a time such as 2026-01-31T08:00Z, or a time of day such as 08:00 or "
        "08:00 Europe/Berlin; in UTC where no zone is named. Empty: when the batches are.",
        examples=["08:00 Europe/Berlin"],
    )
    cancel_lead_minutes: float = Field(
        default=CANCEL_LEAD_MINUTES,
        ge=0,
        title="Cancel before that",
        description="How many minutes before that time open batches are cancelled; OpenAI takes 10 to 47.",
    )
    answer_rest: bool = Field(
        default=False,
        title="Answer the rest at once",
        description="Answer the rows that are cut off so at once, by the synchronous API, at twice the price.",
    )
    poll_seconds: float = Field(
        default=POLL_SECONDS,
        gt=0,
        le=LONGEST_SECONDS,
        title="Shortest pause between looks",
        description="Seconds between two looks at the batches; they grow with the batch's age.",
    )
    max_poll_seconds: float = Field(
        default=MAX_POLL_SECONDS,
        gt=0,
        le=LONGEST_SECONDS,
        title="Longest pause between looks",
        description="The most seconds between two looks at the batches.",
    )
    settle_seconds: float = Field(
        default=SETTLE_SECONDS,
        ge=0,
        le=LONGEST_SECONDS,
        title="Settle",
        description="Seconds to look for a batch whose creation got no answer, before creating it again.",
    )

    budget_usd: Budget = Field(
        default=None,
        title="Budget in US dollars",
        description="The most US dollars that the job may cost: it stops before it could cost more. It "
        "holds until another is given.",
    )
    price_in: MaybeRate = Field(
        default=None,
        title="Price of input",
        description="US dollars for a million input tokens in a batch, where it is not OpenAI's own price.",
    )
    price_out: MaybeRate = Field(
        default=None,
        title="Price of output",
        description="US dollars for a million output tokens in a batch, where it is not OpenAI's own price.",
    )

    answers: Annotated[str, BeforeValidator(as_text)] = Field(
        default="",
        title="Answer store",
        description="Where answers are kept across jobs: a file (.db, .sqlite), or a database's name; a row "
        "whose answer is kept is not sent again. Empty: the variable openai_batch_answers, if there is one; none: "
        "no store.",
        examples=["/data/answers.db"],
    )
    max_answer_age_days: float | None = Field(
        default=None,
        gt=0,
        le=LONGEST_DAYS,
        title="Oldest answer",
        description="How many days old a kept answer may be when the job begins.",
        json_schema_extra=without_none,
    )
    deduplicate: bool = Field(
        default=False,
        title="Send repeats once",
        description="Send rows that make the very same item once; all of them get its answer.",
    )
    keep_days: float | None = Field(
        default=KEEP_DAYS,
        ge=1,
        title="Days that rows are kept",
        description="How many days rows and answers stay in the job's folder once every row has its answer and "
        "the table lies elsewhere; then a run in the same storage removes them. A large number: for good.",
    )

    full: bool = Field(
        default=False,
        title="All rows again",
        description="Take all rows of a source with a watermark, and set its mark anew.",
    )

    @field_validator("in_flight", "max_enqueued_tokens", "max_rounds", mode="before")
    @classmethod
    def _no_flag(cls, number: object) -> object:
        if isinstance(number, bool):
            raise ValueError("it is a number, not true or false")
        return number

    @field_validator("answers")
    @classmethod
    def _without_password(cls, answers: str) -> str:
        return checked_name(answers)

    @property
    def pauses(self) -> Pauses:
        """The pauses between looks."""
        return Pauses(self.poll_seconds, self.max_poll_seconds)

    def terms(self, known: Given = ()) -> Terms:
        """What a job may cost and enqueue, and its prices: those of this run stand before those that are `known`.

        Raises:
            BudgetError: output has a price and input has none, or a price is none.
        """
        if self.price_in is None and self.price_out is not None:
            raise BudgetError(
                "price_out says what output costs, and nothing says what input does: give price_in too "
                "(--price-in)."
            )
        try:
            given = () if self.price_in is None else (GivenPrice(input=self.price_in, output=self.price_out),)
        except ValidationError as error:
            raise BudgetError(f"The price cannot be: {error.errors()[0]['msg']}.") from None
        budget = None if self.budget_usd is None else exact(self.budget_usd)
        prices = (*given, *known)
        return Terms(budget_usd=budget, prices=prices, max_enqueued_tokens=self.max_enqueued_tokens)

    def deadline(self, begun: datetime) -> Deadline | None:
        """When a run that was to start at `begun` has to be done; None where that is not asked for.

        Raises:
            DeadlineError: `finish_by` is no time.
        """
        if not self.finish_by:
            return None
        return make_deadline(
            self.finish_by, begun, cancel_lead_minutes=self.cancel_lead_minutes, answer_rest=self.answer_rest
        )


USUAL = RunOptions()
"""The options of a run that wishes nothing of its own."""
