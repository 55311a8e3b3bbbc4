"""`bootjack invoke`: one invocation, then exit."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import click

from .event import read_event
from .file_names import file_names
from .function import add, function_of_source
from .function_options import function_options
from .log_options import look_of, quiet_option, trace_option
from .option_groups import OPTIONS, options_under
from .options import NAME, give_up
from .output import Response
from .sandbox_options import sandbox_options
from .serving import opened
from .signals import interruptible, run
from .sources import Source
from .targets import name_of
from .temporary import temporary_trees
from .verb import EXIT_CODES, Verb, command_behind_dashes

if TYPE_CHECKING:
    from runtime_api.local import LocalFunction, LocalLambda
    from runtime_api.service.seams.dispatch import BodyStream, InvokeResult

    from .event import Event
    from .function_options import FunctionOptions
    from .sandbox_options import SandboxOptions

__all__ = ["command"]

INVALID_ENTRYPOINT = b'"Runtime.InvalidEntrypoint"'
HEAD_BYTES = 100  # of an error document, within which its type stands

option = options_under(OPTIONS)


@click.command(
    cls=Verb,
    usage="[TARGET | -- COMMAND [ARG]... | --endpoint URL NAME]",
    takes_command=True,
    arguments=(
        (
            "[TARGET]",
            "The function's code: a directory or .zip file with a bootstrap at its top, a bootstrap itself, or "
            "module.function for a Python handler.  [default: this directory]",
        ),
        ("-- COMMAND [ARG]...", "Any other command line that runs a Lambda runtime."),
        ("NAME", "With --endpoint: a function of the server, by name or ARN; NAME:VERSION or NAME:ALIAS, too."),
    ),
    exit_codes=EXIT_CODES,
    examples=(
        'bootjack invoke ./my-runtime -e \'{"name": "Zoë"}\'',
        "bootjack invoke app.handler -e event.json --env-file .env -t 10",
        "bootjack invoke function.zip --layer runtime.zip --allow-loopback 5432",
        "bootjack invoke --endpoint http://127.0.0.1:9000 orders",
        "bootjack invoke -e - -- python3 -m awslambdaric app.handler < event.json",
    ),
)
@click.argument("target", required=False, shell_complete=file_names)
@option(
    "-e",
    "--event",
    default="{}",
    metavar="FILE|JSON|-",
    shell_complete=file_names,
    show_default=True,
    help="The event: a file, the JSON itself, or - for stdin.",
)
@option("--name", type=NAME, default=None, help="Name of the function.  [default: from TARGET]")
@option(
    "--endpoint",
    "url",
    metavar="URL",
    default=None,
    help="Invoke the function NAME of the server that runs at this URL. The end of its log goes to stderr.",
)
@trace_option
@quiet_option
@function_options
@sandbox_options
def command(
    target: str | None,
    event: str,
    name: str | None,
    url: str | None,
    trace: bool,
    quiet: bool,
    function: FunctionOptions,
    sandbox: SandboxOptions,
) -> None:
    """Invoke a function once and print its response.

    The response goes to stdout as it comes, byte for byte; on a terminal JSON is indented. The log, with all that the
    function writes, goes to stderr.
    """
    if url is not None:
        from .remote_invoke import invoke_at

        invoke_at(url, target, read_event(event))
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
            look=look_of(quiet=quiet, trace=trace),
        )
        out = Response()
        with sandbox.explained():
            result = run(_invoke(local, made, given, out))
        _advise(source, made, result)
    if not out.is_streamed:
        out.whole(result.payload)
    else:
        out.end(result.payload if result.function_error else None)
    sys.exit(1 if result.function_error else 0)


def _source(target: str | None, name: str | None, options: FunctionOptions) -> Source:
    command = command_behind_dashes()
    return Source(name or name_of(target, command), target, command, options.layers)


async def _invoke(local: LocalLambda, function: LocalFunction, event: Event, out: Response) -> InvokeResult:
    from runtime_api.service.errors import ServiceError, ServiceException

    async with AsyncExitStack() as stack:
        with interruptible():
            await stack.enter_async_context(opened(local))
            add(local, function)
            try:
                result = await local.invoke(function.configuration.name, event.payload, streamed=True)
                if result.stream is not None:
                    result = await _print_stream(result.stream, out)
                await local.finish()  # extensions may still work
                return result
            except ServiceException as error:  # of this machine's, not of the event's
                give_up(error.message)
            except ServiceError as error:
                give_up(f"{event.label}: {error.message}")


def _advise(source: Source, function: LocalFunction, result: InvokeResult) -> None:
    """Add to the log what to do about a bootstrap that could not be started."""
    if result.function_error and INVALID_ENTRYPOINT in result.payload[:HEAD_BYTES]:
        from .advice import advice, archives_of

        hint = advice(function.program, archives_of(source, function.program))
        if hint:
            click.echo(f"bootjack: {hint}", err=True)


async def _print_stream(stream: BodyStream, out: Response) -> InvokeResult:
    """Print a streamed response as it comes, and return how it has ended."""
    while data := await stream.read():
        await out.piece_in_turn(data)
    assert stream.result is not None  # at the end
    return stream.result
