"""`bootjack invoke`: one invocation, then exit."""

from __future__ import annotations

import os
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import click

from .event import read_event
from .function import add, function_of_source
from .function_options import function_options
from .log_options import trace_option
from .option_groups import OPTIONS, options_under
from .options import NAME, fail
from .sandbox_options import sandbox_options
from .serving import opened
from .signals import interruptible, run
from .sources import Source
from .stdout import STDOUT, write_out
from .targets import name_of
from .temporary import temporary_trees
from .verb import EXIT_CODES, Verb, command_behind_dashes

if TYPE_CHECKING:
    from runtime_api.local import LocalFunction, LocalLambda
    from runtime_api.service.seams.dispatch import InvokeResult

    from .event import Event
    from .function_options import FunctionOptions
    from .sandbox_options import SandboxOptions

__all__ = ["command"]

INVALID_ENTRYPOINT = b'"Runtime.InvalidEntrypoint"'
HEAD_BYTES = 100  # of an error document, within which its type stands

option = options_under(OPTIONS)


@click.command(
    cls=Verb,
    usage="[TARGET | -- COMMAND [ARG]...]",
    takes_command=True,
    arguments=(
        (
            "[TARGET]",
            "The function's code: a directory or .zip file with a bootstrap at its top, a bootstrap itself, or "
            "module.function for a Python handler.  [default: this directory]",
        ),
        ("-- COMMAND [ARG]...", "Any other command line that runs a Lambda runtime."),
    ),
    exit_codes=EXIT_CODES,
    examples=(
        'bootjack invoke ./my-runtime -e \'{"name": "Zoë"}\'',
        "bootjack invoke app.handler -e event.json --env-file .env -t 10",
        "bootjack invoke function.zip --layer runtime.zip --allow-loopback 5432",
        "bootjack invoke -e - -- python3 -m awslambdaric app.handler < event.json",
    ),
)
@click.argument("target", required=False)
@option(
    "-e",
    "--event",
    default="{}",
    metavar="FILE|JSON|-",
    show_default=True,
    help="The event: a file, the JSON itself, or - for stdin.",
)
@option("--name", type=NAME, default=None, help="Name of the function.  [default: from TARGET]")
@trace_option
@function_options
@sandbox_options
def command(
    target: str | None,
    event: str,
    name: str | None,
    trace: bool,
    function: FunctionOptions,
    sandbox: SandboxOptions,
) -> None:
    """Invoke a function once and print its response.

    The response goes to stdout, byte for byte. The log, with all that the function writes, goes to stderr.
    """
    from runtime_api.local import LocalLambda
    from runtime_api.store.archives import DirectoryArchives

    with temporary_trees() as trees:
        source = _source(target, name, function)
        made = function_of_source(source, function, sandbox, DirectoryArchives(trees))
        given = read_event(event)
        local = LocalLambda(
            sandbox=sandbox.wanted,
            freeze=not sandbox.no_freeze,
            cpu_share=sandbox.cpu_share,
            seccomp=not sandbox.no_seccomp,
            trees=trees,
            trace=trace,
        )
        with sandbox.explained():
            result = run(_invoke(local, made, given))
        _advise(source, made, result)
    _print(result.payload)
    sys.exit(1 if result.function_error else 0)


def _source(target: str | None, name: str | None, options: FunctionOptions) -> Source:
    command = command_behind_dashes()
    return Source(name or name_of(target, command), target, command, options.layers)


async def _invoke(local: LocalLambda, function: LocalFunction, event: Event) -> InvokeResult:
    from runtime_api.service.errors import ServiceError, ServiceException

    async with AsyncExitStack() as stack:
        with interruptible():
            await stack.enter_async_context(opened(local))
            add(local, function)
            try:
                result = await local.invoke(function.configuration.name, event.payload)
                await local.finish()  # extensions may still work
                return result
            except ServiceException as error:  # of this machine's, not of the event's
                fail(error.message)
            except ServiceError as error:
                fail(f"{event.label}: {error.message}")


def _advise(source: Source, function: LocalFunction, result: InvokeResult) -> None:
    """Add to the log what to do about a bootstrap that could not be started."""
    if result.function_error and INVALID_ENTRYPOINT in result.payload[:HEAD_BYTES]:
        from .advice import advice, archives_of

        hint = advice(function.program, archives_of(source, function.program))
        if hint:
            click.echo(f"bootjack: {hint}", err=True)


def _print(payload: bytes) -> None:
    """Write the response byte for byte, with a line end behind it on a terminal."""
    write_out(payload + b"\n" if os.isatty(STDOUT) else payload, "the response")
