"""How a job ended, or is left, in a few lines on the terminal."""

import os
import shlex

import click
from click.core import ParameterSource

from ...batch.jobs.job import Job
from ...batch.jobs.report import JobReport
from ...batch.tables.any_source import path_of
from ...batch.words import counted, duration
from .. import process

EXIT_INCOMPLETE = 3
"""The exit code of a command whose job has rows without an answer."""


def say_done(job: Job) -> None:
    """Say that nothing is left to do of a job."""
    click.echo(f"job {job.key} is done already: nothing is sent or paid (folder {job.folder})", err=True)
    if path_of(job.source) is None:
        click.echo(f"what {job.source.name} holds since then is another --job-key's", err=True)


def _resumes(report: JobReport, storage: str | None, *options: str) -> str:
    """The command that takes the job up again."""
    place = ("--storage", storage) if storage else ()
    return f"`{shlex.join(('prefect-openai-batch', 'resume', report.job_key, *place, *_account(), *options))}`"


def _account() -> tuple[str, ...]:
    """The options of this command that name the account: another one would pay for what goes on."""
    context = click.get_current_context(silent=True)
    if context is None:
        return ()
    given = {"credentials": context.params.get("credentials"), "base_url": os.environ.get("OPENAI_BASE_URL")}
    typed = [name for name in given if context.get_parameter_source(name) == ParameterSource.COMMANDLINE]
    return tuple(word for name in typed for word in (f"--{name.replace('_', '-')}", str(given[name])))


def show_open(report: JobReport, storage: str | None, *, as_json: bool) -> None:
    """The key of a job that is left, what it has open, and how it goes on."""
    if as_json:
        process.print_json(report.model_dump_json())
        return
    opened, unsent = len(report.open_batches), report.unsent_files
    click.echo(
        f"{counted(opened, 'batch', 'batches')} submitted"
        + (f", {unsent} more to go when they have ended" if unsent else "")
        + f"; {_resumes(report, storage)} collects the answers",
        err=True,
    )
    click.echo(report.job_key)


def show_report(report: JobReport, storage: str | None = None, *, as_json: bool, was_done: bool = False) -> None:
    """The end of a job: for a program as JSON, for a person in a few lines.

    Of one that `was_done` before this command they say when that was.
    """
    if as_json:
        process.print_json(report.model_dump_json())
        return
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in report.outcomes.items()) or "there are none"
    assert report.finished_at is not None, "a job that is left is shown by its key"
    seconds = (report.finished_at - report.started_at).total_seconds()
    tokens = report.tokens
    if was_done:
        click.echo(f"as it ended, and was paid, by {report.finished_at:%Y-%m-%d %H:%M} UTC:")
    click.echo(
        f"{report.answered:,} of {counted(report.rows, 'row')} answered ({outcomes}) in "
        f"{counted(len(report.batches), 'batch', 'batches')} and {duration(seconds)}\n"
        f"tokens: {tokens.input_tokens:,} in, {tokens.output_tokens:,} out\n"
        f"{'' if report.bill is None or not report.bill.models else f'cost: {report.bill}' + chr(10)}"
        f"{report.unsent and f'not sent: {report.unsent}' + chr(10)}"
        f"{report.new_rows and f'taken: {report.new_rows}' + chr(10)}"
        f"results: {report.destination}"
    )
    if report.cut:
        click.echo(report.cut)
    if report.missing:
        click.echo(f"missing: {report.missing}" + (f"\nwhat helps: {report.way_out}" if report.way_out else ""))
    if report.files_left:
        click.echo(
            f"left at OpenAI until expiry: {counted(len(report.files_left), 'file')} that this key may not delete"
        )
    if report.files_kept:
        click.echo(
            f"kept at OpenAI until expiry: {counted(len(report.files_kept), 'file')} of batches that say they "
            "finished rows of which nothing could be read"
        )
    if report.not_loaded:
        click.echo(f"not loaded: {report.not_loaded}")
    if report.stopped:
        click.echo(f"stopped: {report.stopped}\n{_resumes(report, storage)} goes on with it")
    elif report.resumable and not report.complete:
        click.echo(f"{_resumes(report, storage)} sends those again that may succeed another time")
    if report.open_batches:
        click.echo(
            f"still open at OpenAI: {', '.join(report.open_batches)}; "
            f"collect them later with {_resumes(report, storage, '--collect-only')}"
        )
