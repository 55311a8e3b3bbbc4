"""`bootjack conform`: judge a bootstrap, or a Runtime API server, by what Lambda asks of it."""

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

from .options import HANDLER, fail
from .variables import read_variables
from .verb import Verb, command_behind_dashes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runtime_api.conformance.cases import Case
    from runtime_api.conformance.judge import Side
    from runtime_api.conformance.verdicts import Findings, Judgement

__all__ = ["command"]

SIDES = {"runtime": ("runtime",), "server": ("server", "extensions")}  # the folders of cases of each side
NEEDS = {
    "echo": "a handler that returns its event",
    "contract": "the conformance handler (docs/conformance-handler.md)",
}


class Subject(NamedTuple):
    """What is to be judged: what to call it, the side that judges it, and how a user names it."""

    name: str
    kind: str
    side: Side
    arguments: str  # of the command line, for a replay


@click.command(
    cls=Verb,
    usage="[TARGET | -- COMMAND [ARG]... | --server TEMPLATE | --server-url URL]",
    takes_command=True,
)
@click.argument("target", required=False)
@click.option("--server", metavar="TEMPLATE", help="Judge the Runtime API server that this command line starts.")
@click.option("--server-url", metavar="URL[,URL]", help="Judge a server that runs already: Runtime API, Invoke.")
@click.option("--invoke-path", metavar="PATH", help="Invoke's path on a server. [default: of function `function`]")
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="wire",
    show_default=True,
    help="What the handler can do: anything (wire), return its event (echo), the conformance handler (contract).",
)
@click.option("--only", multiple=True, metavar="ID", help="These cases only: an id, its beginning, or a pattern.")
@click.option("--list", "listed", is_flag=True, help="List the cases, one a line, and run nothing.")
@click.option("--strict", is_flag=True, help="Recommendations count as requirements.")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Known deviations, with reasons.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is left to chance.")
@click.option("--jobs", type=click.IntRange(1, 64), default=None, help="Cases at a time. [default: processors]")
@click.option(
    "--patience",
    type=click.FloatRange(0.1, 600),
    default=15,
    show_default=True,
    help="Seconds to wait for what should happen.",
)
@click.option("--transcript", type=click.Path(path_type=Path), metavar="DIR", help="Write each exchange to a file.")
@click.option(
    "--report", "reports", multiple=True, metavar="FORMAT[=FILE]", help=f"{', '.join(FORMATS)}. [default: terminal]"
)
@click.option("--handler", type=HANDLER, default="function.handler", show_default=True, help="{handler}, _HANDLER.")
@click.option("--env-file", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="NAME=VALUE lines.")
@click.option("--env-var", multiple=True, metavar="NAME[=VALUE]", help="A variable for the bootstrap.")
def command(**options: Any) -> None:
    """Judge a bootstrap by scripted, and on purpose faulty, answers of the Runtime API; or judge a server.

    TARGET is an executable bootstrap, or a directory or .zip that holds one; or put any command behind --, in which
    {handler} stands for the handler. Exit code: 0 all is well, 1 something failed, 2 it could not be run.
    """
    cases = _cases(options)
    if options["listed"]:
        _list(cases)
        return
    forms = _forms(options["reports"])
    with ExitStack() as stack:
        findings = _run(_subject(options, stack), cases, options)
    for form, file in forms:
        _write(form, file, findings)
    if ("terminal", None) in forms and not options["only"]:
        _tell_next(options["level"], findings.side)
    sys.exit(findings.exit_code)


def _cases(options: dict[str, Any]) -> list[Case]:
    server = options["server"] is not None or options["server_url"] is not None
    every = load_cases(*SIDES["server" if server else "runtime"])
    if options["listed"] and not server and not options["target"] and not command_behind_dashes():
        every += load_cases(*SIDES["server"])
    level = LEVELS[-1] if options["listed"] or options["only"] or server else options["level"]
    cases = select(every, level=level, only=options["only"])
    if not cases:
        fail(f"--only {' '.join(options['only'])}: no such case (--list shows them)")
    return cases


def _list(cases: Sequence[Case]) -> None:
    for case in cases:
        marks = " ".join(
            [case.level, *(["strict"] if case.strict else []), *([case.feature] if case.feature else [])]
        )
        click.echo(f"{case.id}  [{marks}]  {case.requirement}")


def _subject(options: dict[str, Any], stack: ExitStack) -> Subject:
    variables = read_variables(options["env_file"], options["env_var"])
    if options["server"] is not None or options["server_url"] is not None:
        return _server(options, variables)
    from runtime_api.conformance.runtime.side import RuntimeSide
    from runtime_api.store.archives import DirectoryArchives
    from runtime_api.store.package import Package
    from runtime_api.store.trees import Trees

    from .targets import find_program

    command, target = command_behind_dashes(), options["target"]
    package = stack.enter_context(Package(DirectoryArchives(stack.enter_context(Trees()))))
    program = find_program(target, command, (), package)
    name = shlex.join(command) if command else str(target or ".")
    side = RuntimeSide(program, options["handler"], variables, options["patience"])
    return Subject(name, "runtime", side, f"-- {name}" if command else shlex.quote(name))


def _server(options: dict[str, Any], variables: dict[str, str]) -> Subject:
    from runtime_api.conformance.server.launching import FUNCTION, Template, read_template
    from runtime_api.conformance.server.running import read_urls
    from runtime_api.conformance.server.side import ServerSide
    from runtime_api.conformance.verdicts import CannotRun

    template, url, path = options["server"], options["server_url"], options["invoke_path"]
    if template is not None and url is not None:
        fail("--server and --server-url: one of the two")
    if options["target"] or command_behind_dashes():
        fail("--server judges a server: a TARGET or COMMAND is for judging a bootstrap")
    try:
        servers = read_urls(url, path or FUNCTION) if template is None else read_template(template, path or FUNCTION)
    except CannotRun as error:
        fail(str(error))
    if isinstance(servers, Template):
        servers = servers._replace(variables=(*servers.variables, *variables.items()))
    side = ServerSide(servers, options["patience"])
    option, given = ("--server-url", url) if template is None else ("--server", template)
    arguments = [option, given, *(("--invoke-path", path) if path else ())]
    return Subject(given, "server", side, shlex.join(arguments))


def _run(subject: Subject, cases: Sequence[Case], options: dict[str, Any]) -> Findings:
    from runtime_api.conformance.baseline import Comparison, compare, read_baseline
    from runtime_api.conformance.judge import judge
    from runtime_api.conformance.verdicts import CannotRun, Findings

    from .signals import run, until_signalled

    async def play(tell: Callable[[Judgement], None]) -> list[Judgement]:
        async with subject.side as side:
            jobs = options["jobs"] or os.cpu_count() or 1
            return await judge(side, cases, jobs=jobs, seed=options["seed"], tell=tell)

    begin = time.monotonic()
    try:
        known = read_baseline(options["baseline"]) if options["baseline"] else None
        with _progress(len(cases)) as bar:
            judgements = run(until_signalled(play(lambda _judgement: bar.update(1))))
    except CannotRun as error:
        fail(str(error))
    _write_transcripts(options["transcript"], judgements)
    every = frozenset(case.id for case in load_cases(*SIDES[subject.kind]))
    compared = Comparison((), ()) if known is None else compare(judgements, known, every)
    return Findings(
        subject.name,
        subject.kind,
        options["level"],
        options["strict"],
        options["seed"],
        tuple(judgements),
        *compared,
        baseline=known is not None,
        seconds=time.monotonic() - begin,
        replay=f"bootjack conform --only {{id}} --seed {options['seed']} {subject.arguments}",
    )


def _progress(count: int) -> Any:
    """A bar on a terminal's stderr."""
    return click.progressbar(
        length=count, label="conform", file=sys.stderr, show_eta=False, hidden=not _is_terminal()
    )


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _forms(given: Sequence[str]) -> list[tuple[str, Path | None]]:
    """The formats that are asked for, each with its file; None is stdout."""
    forms = []
    for text in given or ("terminal",):
        form, _, file = text.partition("=")
        if form not in FORMATS:
            fail(f"--report {text}: there is {', '.join(FORMATS)}; with =FILE behind it it is written there")
        forms.append((form, Path(file) if file else None))
    return forms


def _write(form: str, file: Path | None, findings: Findings) -> None:
    from runtime_api.conformance.reports import render

    text = render(form, findings)
    if file is None:
        click.echo(text, nl=False)
    else:
        _write_file("--report", file, text)
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if form == "github" and step_summary:
        _write_file("GITHUB_STEP_SUMMARY", Path(step_summary), render("markdown", findings), "a")


def _write_file(what: str, file: Path, text: str, mode: str = "w") -> None:
    try:
        with file.open(mode, encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        fail(f"{what} {file}: {(error.strerror or str(error)).lower()}")


def _write_transcripts(folder: Path | None, judgements: Sequence[Judgement]) -> None:
    """A file for each case that was played, named by its id."""
    from runtime_api.conformance.exchange import render

    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"--transcript {folder}: {(error.strerror or str(error)).lower()}")
    for judgement in judgements:
        if judgement.exchange:
            text = f"{judgement.verdict}  {judgement.case.id}\n{judgement.case.requirement}\n\n"
            text += f"{render(judgement.exchange)}\n"
            _write_file("--transcript", folder / f"{judgement.case.id.replace('/', '.')}.txt", text)


def _tell_next(level: str, side: str) -> None:
    following = next_level(level)
    if side == "runtime" and following:
        count = len(select(load_cases("runtime"), level=following)) - len(select(load_cases("runtime"), level=level))
        click.echo(f"\n{count} more cases with --level {following}: they need {NEEDS[following]}.")
