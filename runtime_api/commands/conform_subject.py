"""The subject of `bootjack conform`: a bootstrap or a server, with the side that judges it."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, NamedTuple

from .conform_progress import note
from .options import fail
from .verb import command_behind_dashes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from runtime_api.conformance.judge import Side

__all__ = ["SIDES", "Subject", "bootstrap_subject", "printable", "server_subject"]

ANOTHER = "give an executable bootstrap, a directory or .zip that contains one, or a COMMAND after --"
SIDES = {"runtime": ("runtime",), "server": ("server", "extensions")}  # the folders of cases of each side


class Subject(NamedTuple):
    """What is judged."""

    name: str
    side: Side
    arguments: str  # that name it on the command line, to run a case again


def bootstrap_subject(
    target: str | None, handler: str, variables: Mapping[str, str], timeout_s: float, stack: ExitStack
) -> Subject:
    """A bootstrap: TARGET, or the command after `--`; an archive stays unpacked as long as `stack` is open."""
    from runtime_api.conformance.runtime.side import RuntimeSide
    from runtime_api.store.archives import DirectoryArchives
    from runtime_api.store.package import Package
    from runtime_api.store.trees import Trees

    from .advice import advice, archives_of
    from .sources import Source
    from .targets import find_program

    command = command_behind_dashes()
    package = stack.enter_context(Package(DirectoryArchives(stack.enter_context(Trees()))))
    program = find_program(target, command, (), package, handler)
    name = printable(shlex.join(command) if command else str(target or "."))
    hint = advice(program, archives_of(Source(name, target, command, ()), program)) or ANOTHER
    hint = "give a COMMAND that starts one" if command else hint
    side = RuntimeSide(program, handler, variables, timeout_s, hint, note)
    return Subject(name, side, f"-- {name}" if command else shlex.quote(name))


def server_subject(
    template: str | None,
    url: str | None,
    invoke_path: str | None,
    target: str | None,
    variables: Mapping[str, str],
    timeout_s: float,
) -> Subject:
    """A server: one that the kit starts from a template, or one that is running at a URL."""
    from runtime_api.conformance.server.remote import read_urls
    from runtime_api.conformance.server.side import ServerSide
    from runtime_api.conformance.server.template import FUNCTION, read_template
    from runtime_api.conformance.verdicts import CannotRun

    if template is not None and url is not None:
        fail("--server and --server-url: give one of them")
    if target or command_behind_dashes():
        fail("--server and --server-url judge a server: leave out TARGET and COMMAND, which name a bootstrap")
    try:
        if template is None:
            option, given = "--server-url", str(url)
            side = ServerSide(read_urls(given, invoke_path or FUNCTION), timeout_s)
        else:
            option, given = "--server", template
            started = read_template(template, invoke_path or FUNCTION)
            started = started._replace(variables=(*started.variables, *variables.items()))
            side = ServerSide(started, timeout_s)
    except CannotRun as error:
        fail(str(error))
    arguments = [option, given, *(("--invoke-path", invoke_path) if invoke_path else ())]
    return Subject(printable(given), side, printable(shlex.join(arguments)))


def printable(text: str) -> str:
    """An argument as text that every report can encode: bytes that are not UTF-8 become escapes."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")
