"""`bootjack conform`: judge a bootstrap, or a Runtime API server, by the requirements of Lambda."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from runtime_api.conformance.cases import LEVELS, load_cases, next_level, select
from runtime_api.conformance.reports import FORMATS

from .conform_reports import check_folder, read_targets, write_report, write_transcripts
from .conform_subject import SIDES, bootstrap_subject, server_subject
from .options import HANDLER, fail, give_up
from .variables import read_variables
from .verb import Verb, command_behind_dashes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runtime_api.conformance.cases import Case
    from runtime_api.conformance.verdicts import Findings, Judgement

    from .conform_subject import Subject

__all__ = ["command"]

NEEDS = {
    "echo": "a handler that returns its event",
    "contract": "the conformance handler (docs/conformance-handler.md)",
}
SEEDS = range(-(2**63), 2**63)  # orjson writes no larger integers into a report


class Options(NamedTuple):
    """What the command line says."""

    target: str | None
    server: str | None
    server_url: str | None
    invoke_path: str | None
    level: str
    only: tuple[str, ...]
    listed: bool
    strict: bool
    baseline: Path | None
    seed: int
    jobs: int | None
    timeout: float
    patience: float | None
    transcript: Path | None
    reports: tuple[str, ...]
    handler: str
    env_file: tuple[Path, ...]
    env_var: tuple[str, ...]

    @property
    def side(self) -> str:
        """The side that judges the subject."""
        return "runtime" if self.server is None and self.server_url is None else "server"

    @property
    def timeout_s(self) -> float:
        """How long to wait for what should happen."""
        return self.timeout if self.patience is None else self.patience


@click.command(
    cls=Verb,
    usage="[TARGET | -- COMMAND [ARG]... | --server TEMPLATE | --server-url URL]",
    takes_command=True,
)
@click.argument("target", required=False)
@click.option("--server", metavar="TEMPLATE", help="Judge the Runtime API server that this command line starts.")
@click.option(
    "--server-url",
    metavar="URL[,URL]",
    help="Judge a running server: the URL of its Runtime API, and the URL that takes invocations.",
)
@click.option(
    "--invoke-path",
    metavar="PATH",
    help="The server's path for invocations. [default: that of the function `function`]",
)
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="wire",
    show_default=True,
    help="What the handler does: anything (wire), return its event (echo), obey the kit's commands (contract).",
)
@click.option("--only", multiple=True, metavar="ID", help="Run only these cases: an id, a group, or a pattern.")
@click.option("--list", "listed", is_flag=True, help="List the cases, one per line, and exit.")
@click.option("--strict", is_flag=True, help="Treat recommendations as requirements.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Known deviations, with reasons: fail only on new or stale ones.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Cases to run in parallel. [default: the number of processors]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=15,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an expected call, answer or exit.",
)
@click.option("--patience", type=click.FloatRange(0.1, 600), hidden=True)  # the former name of --timeout
@click.option(
    "--transcript",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the recorded exchange of each case to a file in this folder.",
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help=f"Report format: {', '.join(FORMATS)}; to stdout, or to FILE. [default: terminal]",
)
@click.option(
    "--handler",
    type=HANDLER,
    default="function.handler",
    show_default=True,
    help="The value of _HANDLER, and of {handler} in COMMAND.",
)
@click.option(
    "--env-file",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Environment variables for the subject, as NAME=VALUE lines.",
)
@click.option(
    "--env-var",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="An environment variable for the subject; NAME alone passes on yours.",
)
def command(**options: Any) -> None:
    """Judge a bootstrap, or a server of the Runtime API, against the requirements of Lambda.

    TARGET is an executable bootstrap, or a directory or .zip that contains one; or put any command after --, in which
    {handler} stands for the handler's name. The kit plays the Runtime API, and gives correct, unusual and faulty
    answers; to a server it plays the runtime and the caller. A report names the source of each requirement that the
    subject does not meet, and shows the recorded exchange. Exit code: 0 passed, 1 failed, 2 nothing could be run.
    """
    given = Options(**options)
    if given.seed not in SEEDS:
        fail(f"--seed {given.seed}: give an integer of at most 64 bits")
    cases = _cases(given)
    if given.listed:
        _list(cases)
        return
    targets = read_targets(given.reports)
    check_folder(given.transcript)
    with ExitStack() as stack:
        findings = _run(_subject(given, stack), cases, given)
    for target in targets:
        write_report(target, findings)
    if ("terminal", None) in targets and not given.only:
        _suggest_next_level(given.level, findings.side)
    sys.exit(findings.exit_code)


def _cases(given: Options) -> list[Case]:
    every = load_cases(*SIDES[given.side])
    if given.listed and given.side == "runtime" and not given.target and not command_behind_dashes():
        every += load_cases(*SIDES["server"])
    all_levels = given.listed or given.only or given.side == "server"
    cases = select(every, level=LEVELS[-1] if all_levels else given.level, only=given.only)
    if not cases:
        fail(f"--only {' '.join(given.only)}: {_why_no_case(given)}")
    return cases


def _why_no_case(given: Options) -> str:
    other = "server" if given.side == "runtime" else "runtime"
    if not select(load_cases(*SIDES[other]), only=given.only):
        return "no such case; --list shows all cases"
    if other == "server":
        return "these cases judge a server: name it with --server or --server-url"
    return "these cases judge a bootstrap: name it as TARGET or after --, without --server and --server-url"


def _list(cases: Sequence[Case]) -> None:
    for case in cases:
        marks = " ".join(
            [case.level, *(["strict"] if case.strict else []), *([case.feature] if case.feature else [])]
        )
        click.echo(f"{case.id}  [{marks}]  {case.requirement}")


def _subject(given: Options, stack: ExitStack) -> Subject:
    variables = read_variables(given.env_file, given.env_var)
    if given.side == "runtime":
        return bootstrap_subject(given.target, given.handler, variables, given.timeout_s, stack)
    return server_subject(given.server, given.server_url, given.invoke_path, given.target, variables, given.timeout_s)


def _run(subject: Subject, cases: Sequence[Case], given: Options) -> Findings:
    from runtime_api.conformance.baseline import Comparison, compare, read_baseline
    from runtime_api.conformance.verdicts import CannotRun, Findings

    begin = time.monotonic()
    try:
        known = read_baseline(given.baseline) if given.baseline else None
        judgements = _judge(subject, cases, given)
    except CannotRun as error:
        give_up(str(error))
    write_transcripts(given.transcript, judgements)
    every = frozenset(case.id for case in load_cases(*SIDES[given.side]))
    compared = Comparison((), ()) if known is None else compare(judgements, known, every)
    return Findings(
        subject.name,
        given.side,
        given.level,
        given.strict,
        given.seed,
        tuple(judgements),
        *compared,
        baseline=known is not None,
        seconds=time.monotonic() - begin,
        replay=f"bootjack conform --only {{id}} --seed {given.seed} {subject.arguments}",
    )


def _judge(subject: Subject, cases: Sequence[Case], given: Options) -> list[Judgement]:
    from runtime_api.conformance.judge import judge

    from .signals import interruptible, run

    async def play(on_judgement: Callable[[Judgement], None]) -> list[Judgement]:
        with interruptible():
            async with subject.side as side:
                return await judge(side, cases, jobs=jobs, seed=given.seed, on_judgement=on_judgement)

    jobs = given.jobs or os.cpu_count() or 1
    with _progress(len(cases)) as bar:
        return run(play(lambda _judgement: bar.update(1)))


def _progress(count: int) -> Any:
    """A progress bar on stderr, if that is a terminal."""
    hidden = sys.stderr is None or not sys.stderr.isatty()
    return click.progressbar(length=count, label="conform", file=sys.stderr, show_eta=False, hidden=hidden)


def _suggest_next_level(level: str, side: str) -> None:
    following = next_level(level)
    if side == "runtime" and following:
        count = len(select(load_cases("runtime"), level=following)) - len(select(load_cases("runtime"), level=level))
        click.echo(f"\n--level {following} runs {count} more cases; it requires {NEEDS[following]}.")
