"""`bootjack invoke`: one invocation and out."""

from __future__ import annotations

import os
import select
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import HANDLER, MEGABYTES, NAME, REGION, SECONDS, fail, read_event, read_variables
from .signals import until_signalled

if TYPE_CHECKING:
    from runtime_api.engine.environment import InvokeResult
    from runtime_api.local import LocalFunction

__all__ = ["command"]

READER_GONE = 141  # what a shell gives a command whose reader has gone
STDOUT = 1
INVALID_ENTRYPOINT = b'"Runtime.InvalidEntrypoint"'
LOOKED_AT = 100  # bytes of an error document, in which its type stands first


class BeforeCommand(click.Command):
    """Takes what stands behind `--` as a command of its own, so that TARGET can stay optional."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = args[: args.index("--")] if "--" in args else args
        ctx.meta["command"] = tuple(args[len(own) + 1 :])
        if len(own) < len(args) and not ctx.meta["command"]:
            raise click.UsageError("no COMMAND behind --", ctx)
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, _ctx: click.Context) -> list[str]:
        return ["[OPTIONS]", "[TARGET | -- COMMAND [ARG]...]"]


@click.command(cls=BeforeCommand)
@click.argument("target", required=False)
@click.option(
    "-e", "--event", "event", default="{}", metavar="FILE|JSON|-", show_default=True, help="The event to run on."
)
@click.option(
    "--handler",
    type=HANDLER,
    default="function.handler",
    show_default=True,
    help="What the bootstrap finds in _HANDLER.",
)
@click.option(
    "-t", "--timeout", type=SECONDS, default=3, show_default=True, help="Seconds that an invocation may take."
)
@click.option(
    "-m", "--memory", type=MEGABYTES, default=128, show_default=True, help="Memory in MB, as the function is told."
)
@click.option(
    "--env-file",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Variables for the function, NAME=VALUE lines.",
)
@click.option(
    "--env-var",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="A variable for the function; NAME alone passes yours on.",
)
@click.option(
    "--region", type=REGION, default="us-east-1", show_default=True, help="The region in ARNs and AWS_REGION."
)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR|ZIP",
    help="A layer; of several, the last one wins.",
)
@click.option("--name", type=NAME, default=None, help="The function's name. [default: from TARGET]")
def command(target: str | None, event: str, layers: tuple[Path, ...], **options: Any) -> None:
    """Run a function once on one event: the answer on stdout, the log on stderr.

    TARGET is an executable bootstrap, or a directory or .zip that holds one (default: this directory); or put any
    command behind --. Exit code: 0 success, 1 function error, 2 usage.
    """
    with ExitStack() as stack:
        function = _function(target, layers, options, stack)
        called, payload = read_event(event)
        result = _run(function, called, payload)
        _advise(function, result)
    _print(result.payload)
    sys.exit(1 if result.function_error else 0)


def _function(
    target: str | None, layers: tuple[Path, ...], options: dict[str, Any], stack: ExitStack
) -> LocalFunction:
    from runtime_api.local import LocalFunction
    from runtime_api.service.records import FunctionConfiguration

    from .targets import find_layers, find_program

    command = click.get_current_context().meta["command"]
    variables = read_variables(options["env_file"], options["env_var"])
    program = find_program(target, command, find_layers(layers, stack), stack)
    configuration = FunctionConfiguration(
        name=options["name"] or _name(target, command),
        handler=options["handler"],
        timeout_ms=options["timeout"] * 1000,
        memory_mb=options["memory"],
        variables=variables,
        region=options["region"],
    )
    return LocalFunction(configuration, program)


def _name(target: str | None, command: tuple[str, ...]) -> str:
    """A function name out of what is run: letters, digits, - and _ of its file's name."""
    path = Path(command[0]) if command else Path(target or ".").resolve()
    if path.name == "bootstrap" and not command:
        path = path.parent
    name = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in path.stem)
    return name.strip("-")[:64] or "function"


def _run(function: LocalFunction, called: str, payload: bytes) -> InvokeResult:
    import uvloop

    from runtime_api.sandbox.orphans import adopted_orphans

    with adopted_orphans():
        return uvloop.run(until_signalled(_invoke(function, called, payload)))


async def _invoke(function: LocalFunction, called: str, payload: bytes) -> InvokeResult:
    from runtime_api.engine.invoker import InvokeRequest
    from runtime_api.local import LocalLambda
    from runtime_api.service.errors import ServiceError

    async with LocalLambda(function) as local:
        try:
            return await local.invoke(InvokeRequest(function.configuration.name, payload))
        except ServiceError as error:
            fail(f"{called}: {error.message}")


def _advise(function: LocalFunction, result: InvokeResult) -> None:
    """Behind the log, what to do about a bootstrap that could not be started."""
    if result.function_error and INVALID_ENTRYPOINT in result.payload[:LOOKED_AT]:
        from .advice import advice

        hint = advice(function.program)
        if hint:
            click.echo(f"bootjack: {hint}", err=True)


def _print(payload: bytes) -> None:
    """The answer, byte for byte; a terminal gets a line end behind it.

    Written to the descriptor itself: Python's unbuffered stdout drops what a pipe does not take at once.
    """
    rest = memoryview(payload + b"\n" if os.isatty(STDOUT) else payload)
    try:
        while rest:
            try:
                rest = rest[os.write(STDOUT, rest) :]
            except BlockingIOError:
                select.select((), (STDOUT,), ())
    except BrokenPipeError:
        sys.exit(READER_GONE)
    except OSError as error:
        fail(f"the answer could not be written: {error.strerror or error}")
