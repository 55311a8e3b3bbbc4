"""`bootjack serve`: the local Lambda service, for many functions and many callers."""

from __future__ import annotations

import shlex
from contextlib import AsyncExitStack, ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from runtime_api.protocol.limits import CURRENT

from .function import command_behind_dashes, function_options, make_function, with_command
from .options import ANY_SECONDS, NAME, fail
from .serving import Ending, beside, blaming, serve_until

if TYPE_CHECKING:
    from pathlib import Path

    from runtime_api.local import LocalFunction, LocalLambda

    from .watching import Watched

__all__ = ["command"]

ALIAS = "function"
GRACE_S = 5.0  # for running invocations, once the end has been asked for
RUNTIME_API_PORT = 9001
MOST_CONCURRENCY = 1000  # of one function: Lambda's own limit for an account (guide 586)
PORT = click.IntRange(0, 65535)


@click.command(cls=with_command("[OPTIONS] [[NAME=]TARGET... | -- COMMAND [ARG]...]"))
@click.argument("targets", nargs=-1, metavar="[[NAME=]TARGET]...")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address that invocations are taken at.")
@click.option("-p", "--port", type=PORT, default=9000, show_default=True, help="Its port; 0 picks one.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, MOST_CONCURRENCY),
    default=CURRENT.concurrency,
    show_default=True,
    metavar="N",
    help="Execution environments of one function at once; one more caller is throttled.",
)
@click.option(
    "--idle-timeout",
    type=ANY_SECONDS,
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="An execution environment that nobody has used for so long is ended.",
)
@click.option("-w", "--watch", is_flag=True, help="Replace a function when its code changes; needs bootjack[watch].")
@click.option(
    "--only-lambda-apis",
    is_flag=True,
    help="Start nothing: wait for a bootstrap that you start yourself, in a debugger say. Takes a NAME or none.",
)
@click.option(
    "--runtime-api-port",
    type=PORT,
    default=RUNTIME_API_PORT,
    show_default=True,
    help="With --only-lambda-apis, where that bootstrap finds the Runtime API; 0 picks one.",
)
@click.option("--allow-host", multiple=True, metavar="NAME", help="A Host name that may reach a loopback address.")
@click.option("--name", type=NAME, default=None, help="The name of a single function. [default: from TARGET]")
@function_options
def command(targets: tuple[str, ...], layers: tuple[Path, ...], **options: Any) -> None:
    """Serve functions as Lambda does: Invoke by curl, SDKs and the aws CLI.

    A TARGET is an executable bootstrap, or a directory or .zip that holds one (default: this directory); its function
    is called NAME, or as the file is. Or put any command behind --. A single function is reachable as `function` too.
    """
    import uvloop

    from runtime_api.sandbox.orphans import adopted_orphans

    from .tuning import tune_server
    from .watching import Watched, check_watching

    with ExitStack() as stack:
        watched = []
        if options["only_lambda_apis"]:
            functions = [_by_hand(targets, layers, options)]
        else:
            sources = _sources(targets, layers, options["name"])
            makers = [partial(_make, source, options, stack, len(sources) == 1) for source in sources]
            functions = [make() for make in makers]
            if options["watch"]:
                check_watching()
                watched = [
                    Watched(source.name, source.paths, make) for source, make in zip(sources, makers, strict=False)
                ]
        tune_server()
        with adopted_orphans():
            uvloop.run(_serve(functions, watched, options))


class Source(NamedTuple):
    """A function as it was named on the command line."""

    name: str
    target: str | None
    command: tuple[str, ...]
    layers: tuple[Path, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The folders and files that it is made of."""
        from .targets import here

        code = here() if self.command else (here() / (self.target or ".")).resolve()
        if code.is_file() and code.suffix.lower() != ".zip":
            code = code.parent
        return (code, *((here() / layer).resolve() for layer in self.layers))


def _sources(targets: tuple[str, ...], layers: tuple[Path, ...], name: str | None) -> list[Source]:
    """What is to be served, in the order given."""
    from .targets import name_of

    command = command_behind_dashes()
    if name and len(targets) > 1:
        fail("--name is for a single function: give several as NAME=TARGET")
    named: list[tuple[str | None, str | None]] = [_split(target) for target in targets] or [(None, None)]
    sources = [Source(name or given or name_of(target, command), target, command, layers) for given, target in named]
    names = [source.name for source in sources]
    for twice in {name for name in names if names.count(name) > 1}:
        fail(f"two functions are called {twice}: name them apart, NAME=TARGET")
    return sources


def _make(source: Source, options: dict[str, Any], stack: ExitStack, alone: bool) -> LocalFunction:
    """The function, its archives unpacked for as long as `stack`."""
    from .targets import find_layers, find_program

    program = find_program(source.target, source.command, find_layers(source.layers, stack), stack)
    return make_function(
        source.name,
        program,
        options,
        concurrency=options["concurrency"],
        also_known_as=frozenset({ALIAS}) if alone else frozenset(),
    )


def _split(target: str) -> tuple[str | None, str | None]:
    """NAME and TARGET of an argument; a path that has = in it is told by its slash: ./a=b."""
    name, equals, rest = target.partition("=")
    if not equals or "/" in name:
        return None, target
    try:
        return NAME.convert(name, None, None), rest
    except click.BadParameter as error:
        fail(f"{target}: {error.message}")


def _by_hand(targets: tuple[str, ...], layers: tuple[Path, ...], options: dict[str, Any]) -> LocalFunction:
    """The function whose bootstrap is started by the user."""
    from runtime_api.sandbox.entrypoint import Program

    from .targets import here

    if command_behind_dashes() or layers or options["watch"] or len(targets) > 1:
        fail("--only-lambda-apis starts nothing: give no COMMAND, --layer or --watch, and at most one NAME")
    given = options["name"] or (targets[0] if targets else ALIAS)
    try:
        name = NAME.convert(given, None, None)
    except click.BadParameter as error:
        fail(f"--only-lambda-apis: {error.message}")
    address = ("127.0.0.1", options["runtime_api_port"])
    return make_function(
        name,
        Program(here()),
        options,
        by_hand=True,
        concurrency=1,
        patience=CURRENT.waiting_invocations,
        runtime_api=address,
        also_known_as=frozenset({ALIAS}),
    )


async def _serve(functions: list[LocalFunction], watched: list[Watched], options: dict[str, Any]) -> None:
    from runtime_api.local import LocalLambda

    from .watching import watch

    ending = Ending()
    address = options["host"], options["port"]
    allowed_hosts = frozenset(name.lower() for name in options["allow_host"])
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(
            LocalLambda(label_log=len(functions) > 1, idle_timeout_s=options["idle_timeout"])
        )
        for function in functions:
            local.add_function(function)
            _hint(function)
        with blaming("--host and --port", address):
            url = await local.listen(*address, allowed_hosts)
        names = ", ".join(function.configuration.name for function in functions)
        _say(f"bootjack: serving {names} at {url}")
        if functions[0].by_hand:
            await _ask_for_a_bootstrap(local, functions[0])
        if watched:
            await stack.enter_async_context(beside(watch(local, watched)))
        await serve_until(ending, local, GRACE_S)


def _hint(function: LocalFunction) -> None:
    """What is plainly wrong with a bootstrap, before the first caller finds out; it may still be mended."""
    from .advice import advice

    hint = None if function.by_hand else advice(function.program)
    if hint:
        click.echo(f"bootjack: {function.configuration.name}: {hint}", err=True)


async def _ask_for_a_bootstrap(local: LocalLambda, function: LocalFunction) -> None:
    """Open the Runtime API, and tell what to export for whoever comes to it."""
    with blaming("--runtime-api-port", function.runtime_api):
        runtime_api = await local.open_environment(function.configuration.name)
    _say("bootjack: waiting for a bootstrap that is started with")
    for name, value in _exports(function, runtime_api).items():
        _say(f"export {name}={shlex.quote(value)}")


def _exports(function: LocalFunction, runtime_api: str) -> dict[str, str]:
    """The variables that a runtime needs to know its function by, and the customer's own."""
    from runtime_api.service.variables import Places, environment_variables

    configuration = function.configuration
    everything = environment_variables(configuration, Places(str(function.program.task_root), (), runtime_api))
    known = [name for name in everything if name.startswith("AWS_LAMBDA_FUNCTION_")]
    wanted = ["AWS_LAMBDA_RUNTIME_API", *known, "AWS_REGION", "LAMBDA_TASK_ROOT", "_HANDLER"]
    return {name: everything[name] for name in [*wanted, *configuration.variables]}


def _say(line: str) -> None:
    """A line on stdout, for whoever started this; nothing else is written there."""
    with suppress(BrokenPipeError):
        click.echo(line)
