"""A budget that holds: nothing is sent while what was spent and what is open could exceed it."""

from decimal import Decimal

from ..errors import BudgetError
from ..files.input_files import InputFile
from ..files.most_costs import most_cost
from ..jobs.job import Job
from ..jobs.submissions import fetched, has_claim, submitted
from ..outcomes.costs import bill_of
from ..outcomes.outcome_files import FetchedOutput
from ..prices import Given, Processing, add, dollars, dollars_enough, price_of
from .estimates import Estimate, estimate_files


def check_budget(job: Job, *, answers_rest: bool = False) -> None:
    """Refuse a job whose budget cannot hold, before anything of it is uploaded.

    Args:
        job: The job, with its first input files built.
        answers_rest: Whether what is left is to be answered by the synchronous API.

    Raises:
        BudgetError: its input alone would cost more, or so could the least of its files; or what it costs cannot
            be told.
    """
    budget, given = job.terms.budget_usd, job.terms.prices
    if budget is None or job.has_sent():
        return
    files = job.input_files()
    for file in files:
        _check_known(file, "batch", given)
        if answers_rest:
            _check_known(file, "synchronous", given)
    estimate = estimate_files(files, given)
    if estimate.input_usd is not None and estimate.input_usd > budget:
        raise BudgetError(
            f"The input alone of {estimate.items:,} items would cost about {dollars(estimate.input_usd)}, and the "
            f"budget is {dollars(budget)}: {estimate}. Nothing was sent. Give a larger budget, or fewer rows.",
            budget_usd=budget,
            input_usd=estimate.input_usd,
        )
    _check_lets_some_through(files, estimate, budget, given)


def _check_lets_some_through(files: list[InputFile], estimate: Estimate, budget: Decimal, given: Given) -> None:
    """Refuse a budget that not even the cheapest of all files is certain to keep."""
    costs = [most_cost(file.model, file.tokens, given=given) or Decimal(0) for file in files]
    cheapest = min(range(len(files)), key=costs.__getitem__, default=None)
    if cheapest is None or costs[cheapest] <= budget:
        return
    least, whole = dollars_enough(costs[cheapest]), dollars_enough(sum(costs, Decimal(0)))
    batches = "1 batch" if len(files) == 1 else f"{len(files):,} batches"
    raise BudgetError(
        f"The budget of {dollars(budget)} lets nothing through: {estimate.items:,} items make {batches}, of "
        f"which the cheapest may cost up to {least} and all together up to {whole}, if each answer is "
        "as long as the request lets it be. Nothing was sent. Give a larger budget, a lower limit to the answers "
        "(max_completion_tokens or max_output_tokens), or fewer rows.",
        budget_usd=budget,
        least_usd=costs[cheapest],
    )


def _check_known(file: InputFile, processing: Processing, given: Given) -> None:
    """Refuse a file of which nobody can tell what it costs at most."""
    if most_cost(file.model, file.tokens, processing, given) is not None or not file.items:
        return
    price = price_of(file.model, processing, given)
    if file.tokens.input is None:
        why = (
            "nobody tells before what images, sounds, files, searches and earlier conversations take. Leave the "
            "budget out; a trial of a few rows (`prefect-openai-batch try`) shows what they cost"
        )
    elif price is not None and file.tokens.output_limit is None:
        why = (
            "the request does not limit its answers. Set max_completion_tokens (chat) or max_output_tokens "
            "(responses) in its parameters (--param max_completion_tokens=2000), thinking included"
        )
    elif processing == "synchronous":
        why = (
            f"what {file.model} costs when the rest is answered at once is not known. Leave out the budget or "
            "answer_rest"
        )
    else:
        why = (
            f"the price of {file.model} in batches is not known. Give it: the options price_in and price_out "
            "(--price-in, --price-out), in US dollars for a million tokens, or the prices of the credentials block"
        )
    raise BudgetError(f"No budget can hold: {why}.", model=file.model)


class Spending:
    """What a job has spent and has open, against its budget.

    The records are read once; from then on only those of what is open.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.budget = job.terms.budget_usd
        self.spent = Decimal(0)
        self._open: dict[str, InputFile] = {}
        if self.budget is not None:
            sent = (file for file in job.begun_files() if has_claim(file) or submitted(file) or fetched(file))
            self._open = {file.folder: file for file in sent}

    def allows(self, file: InputFile) -> bool:
        """Whether an input file may be sent: with it the budget holds, or it may have been sent already."""
        if self.budget is None or file.folder in self._open:
            return True
        self._take_stock()
        cost = add([*map(self._most, self._open.values()), self._most(file)])
        return cost is not None and self.spent + cost <= self.budget

    def sends(self, file: InputFile) -> None:
        """Count an input file among those that are open."""
        self._open[file.folder] = file

    def stop(self, next_file: InputFile) -> None:
        """Stop the job: its budget does not let this input file through."""
        most = dollars_enough(self._most(next_file))
        self.job.stop(
            "budget",
            f"The budget of {dollars(self.budget)} lets nothing more through: {dollars(self.spent)} was spent, "
            f"and the next batch may cost up to {most}.",
        )

    def _take_stock(self) -> None:
        """Count what was fetched in the meantime as spent."""
        for file in list(self._open.values()):
            output = fetched(file)
            if output is not None:
                self.spent += self._cost(file, output)
                del self._open[file.folder]

    def _cost(self, file: InputFile, output: FetchedOutput) -> Decimal:
        """What an output cost; answers of which nobody tells what they cost count as dear as they can be."""
        bill = bill_of([output], self.job.terms.prices)
        dearest = (self._most(file) or Decimal(0)) / max(file.items, 1)
        return bill.known_usd + dearest * bill.unpriced

    def _most(self, file: InputFile) -> Decimal | None:
        how: Processing = "synchronous" if self.job.is_synchronous(file.round) else "batch"
        return most_cost(file.model, file.tokens, how, self.job.terms.prices)
