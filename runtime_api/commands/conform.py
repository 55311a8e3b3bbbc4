"""`bootjack conform`: judge a bootstrap, or a Runtime API server, by the requirements of Lambda."""

from __future__ import annotations

import os
import shlex
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from runtime_api.conformance.cases import LEVELS, load_cases, next_level, select
from runtime_api.conformance.reports import FORMATS

from .conform_baseline import known_deviations, write_baseline
from .conform_reports import check_folder, read_targets, write_report, write_transcripts
from .conform_subject import SIDES, bootstrap_subject, printable, server_subject
from .file_names import file_names
from .options import HANDLER, fail, give_up
from .variables import read_variables
from .verb import Verb, command_behind_dashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime_api.conformance.cases import Case
    from runtime_api.conformance.verdicts import Findings, Judgement

    from .conform_subject import Subject

__all__ = ["command"]

NEEDS = {
    "echo": "a handler that returns its event",
    "contract": "the conformance handler (docs/conformance-handler.md)",
}
HANDLER_NAME = "function.handler"
TIMEOUT_S = 15.0
SEEDS = range(-(2**63), 2**63)  # orjson writes no larger integers into a report


class Options(NamedTuple):
    """What the command line says."""

    target: str | None
    server: str | None
    server_url: str | None
    invoke_path: str | None
    level: str | None
    only: tuple[str, ...]
    listed: bool
    strict: bool
    baseline: Path | None
    write_baseline: Path | None
    seed: int
    jobs: int | None
    timeout: float
    patience: float | None
    transcript: Path | None
    reports: tuple[str, ...]
    badge: Path | None
    handler: str
    env_file: tuple[Path, ...]
    env_var: tuple[str, ...]

    @property
    def side(self) -> str:
        """The side that judges the subject."""
        return "runtime" if self.server is None and self.server_url is None else "server"

    @property
    def up_to(self) -> str:
        """The level of the cases to run; those of a server have none."""
        return LEVELS[-1] if self.side == "server" else self.level or LEVELS[0]

    @property
    def timeout_s(self) -> float:
        """How long to wait for what should happen."""
        return self.timeout if self.patience is None else self.patience


@click.command(
    cls=Verb,
    usage="[TARGET | -- COMMAND [ARG]... | --server TEMPLATE | --server-url URL]",
    takes_command=True,
)
@click.argument("target", required=False, shell_complete=file_names)
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
    help="What the handler does: anything (wire), return its event (echo), obey the kit's commands (contract). "
    "[default: wire]",
)
@click.option(
    "--only",
    multiple=True,
    metavar="ID",
    help="Run only these cases of the level: an id, a group, or a pattern.",
)
@click.option("--list", "listed", is_flag=True, help="List the cases, one per line, and exit.")
@click.option("--strict", is_flag=True, help="Treat recommendations as requirements.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Known deviations, with reasons: fail only on new or stale ones (docs/conformance.md).",
)
@click.option(
    "--write-baseline",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the deviations of this run to FILE; those that it contains already keep their reasons.",
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
    default=TIMEOUT_S,
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
    "--badge",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a badge for a README, an SVG picture, to FILE.",
)
@click.option(
    "--handler",
    type=HANDLER,
    default=HANDLER_NAME,
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
    targets = read_targets(given.reports, given.badge)
    check_folder(given.transcript)
    with ExitStack() as stack:
        findings = _run(_subject(given, stack), cases, given)
    for target in targets:
        write_report(target, findings)
    if ("terminal", None) in targets and given.side == "runtime":
        _suggest_next_level(given)
    sys.exit(findings.exit_code)


def _cases(given: Options) -> list[Case]:
    every = load_cases(*SIDES[given.side])
    if given.listed and given.side == "runtime" and not given.target and not command_behind_dashes():
        every += load_cases(*SIDES["server"])
    level = LEVELS[-1] if given.listed and given.level is None else given.up_to
    for name in given.only:
        if not select(every, level=level, only=(name,)):
            fail(f"--only {name}: {_why_no_case(name, given)}")
    return select(every, level=level, only=given.only)


def _why_no_case(name: str, given: Options) -> str:
    if higher := select(load_cases(*SIDES[given.side]), only=(name,)):
        level = min((case.level for case in higher), key=LEVELS.index)
        return f"these cases need --level {level}, and {NEEDS[level]}"
    other = "server" if given.side == "runtime" else "runtime"
    if not select(load_cases(*SIDES[other]), only=(name,)):
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
    from runtime_api.conformance.baseline import Comparison, compare
    from runtime_api.conformance.verdicts import CannotRun, Findings

    begin = time.monotonic()
    every = frozenset(case.id for case in load_cases(*SIDES[given.side]))
    try:
        known = known_deviations(given.baseline, given.write_baseline, every)
        judgements = _judge(subject, cases, given)
    except CannotRun as error:
        give_up(str(error))
    write_transcripts(given.transcript, judgements)
    if given.write_baseline:
        known = write_baseline(given.write_baseline, subject.name, judgements, known or {})
    compared = Comparison((), ()) if known is None else compare(judgements, known, every)
    return Findings(
        subject.name,
        given.side,
        given.up_to,
        given.strict,
        given.seed,
        tuple(judgements),
        *compared,
        baseline=known is not None,
        seconds=time.monotonic() - begin,
        replay=_replay(subject, given),
    )


def _replay(subject: Subject, given: Options) -> str:
    """The command line that runs one case alone, as it ran here; {id} stands for the case."""
    options = ["--only", "{id}", "--seed", str(given.seed)]
    options += ["--level", given.up_to] if given.side == "runtime" and given.up_to != LEVELS[0] else []
    options += ["--handler", given.handler] if given.handler != HANDLER_NAME else []
    options += ["--timeout", f"{given.timeout_s:g}"] if given.timeout_s != TIMEOUT_S else []
    options += ["--strict"] if given.strict else []
    options += [word for file in given.env_file for word in ("--env-file", str(file))]
    options += [word for variable in given.env_var for word in ("--env-var", variable)]
    words = shlex.join(options).replace("'{id}'", "{id}", 1)
    return printable(f"bootjack conform {words} ") + subject.arguments


def _judge(subject: Subject, cases: Sequence[Case], given: Options) -> list[Judgement]:
    from runtime_api.conformance.judge import judge
    from runtime_api.sandbox.processes.orphans import reaped_orphans

    from .conform_progress import Progress, Watched
    from .signals import interruptible, run

    async def play() -> list[Judgement]:
        with interruptible():
            async with reaped_orphans(), Watched(subject.side, progress) as side, progress.shown():
                return await judge(side, cases, jobs=jobs, seed=given.seed, on_judgement=progress.judged)

    jobs = given.jobs or os.cpu_count() or 1
    progress = Progress(cases)
    return run(play())


def _suggest_next_level(given: Options) -> None:
    following = next_level(given.up_to)
    if following:
        levels = (following, given.up_to)
        more, now = (len(select(load_cases("runtime"), level=level, only=given.only)) for level in levels)
        if more > now:
            count = f"{more - now} more {'case' if more == now + 1 else 'cases'}"
            click.echo(f"\n--level {following} runs {count}; it requires {NEEDS[following]}.")
