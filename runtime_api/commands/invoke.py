"""`bootjack invoke`: one invocation and out."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING, Any

import click

from .function import (
    command_behind_dashes,
    function_options,
    make_function,
    sandbox_or_fail,
    sandbox_settings,
    with_command,
)
from .options import NAME, fail, read_event
from .signals import until_signalled

if TYPE_CHECKING:
    from pathlib import Path

    from runtime_api.local import LocalFunction
    from runtime_api.sandbox.trees import Trees
    from runtime_api.service.seams.dispatch import InvokeResult

__all__ = ["command"]

READER_GONE = 141  # what a shell gives a command whose reader has gone
STDOUT = 1
INVALID_ENTRYPOINT = b'"Runtime.InvalidEntrypoint"'
LOOKED_AT = 100  # bytes of an error document, in which its type stands first


@click.command(cls=with_command("[TARGET | -- COMMAND [ARG]...]"))
@click.argument("target", required=False)
@click.option(
    "-e", "--event", "event", default="{}", metavar="FILE|JSON|-", show_default=True, help="The event to run on."
)
@function_options
@click.option("--name", type=NAME, default=None, help="The function's name. [default: from TARGET]")
def command(target: str | None, event: str, layers: tuple[Path, ...], **options: Any) -> None:
    """Run a function once on one event: the answer on stdout, the log on stderr.

    TARGET is an executable bootstrap, a directory or .zip that holds one (default: this directory), or the
    module.function of a Python handler; or put any command behind --. Exit code: 0 success, 1 function error,
    2 usage.
    """
    from runtime_api.sandbox.trees import Trees

    with Trees() as trees:
        function = _function(target, layers, options, trees)
        called, payload = read_event(event)
        with sandbox_or_fail(options):
            result = _run(function, called, payload, sandbox_settings(options, trees))
        _advise(function, result)
    _print(result.payload)
    sys.exit(1 if result.function_error else 0)


def _function(target: str | None, layers: tuple[Path, ...], options: dict[str, Any], trees: Trees) -> LocalFunction:
    from .archives import Archives
    from .targets import find_layers, find_program, name_of

    command = command_behind_dashes()
    with Archives(trees).package() as package:
        roots = find_layers(layers, package, merged=options["sandbox"] != "process")
        program = find_program(target, command, roots, package)
        name = options["name"] or name_of(target, command)
        return make_function(name, program, options, leases=tuple(package.leases))


def _run(function: LocalFunction, called: str, payload: bytes, settings: dict[str, Any]) -> InvokeResult:
    import uvloop

    from runtime_api.sandbox.orphans import adopted_orphans

    with adopted_orphans():
        return uvloop.run(until_signalled(_invoke(function, called, payload, settings)))


async def _invoke(function: LocalFunction, called: str, payload: bytes, settings: dict[str, Any]) -> InvokeResult:
    from runtime_api.local import LocalLambda
    from runtime_api.service.errors import ServiceError, ServiceException

    async with LocalLambda(**settings) as local:
        local.add_function(function)
        try:
            return await local.invoke(function.configuration.name, payload)
        except ServiceException as error:  # nothing that the event is to blame for
            fail(error.message)
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
