"""Why a process was not started: Lambda's error type, and a reason in the form that Go's os/exec has (spec 4)."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from runtime_api.protocol.errors import ErrorType

from . import StartRefused
from .processes.spawning import encoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from . import Launch

__all__ = ["cannot_change_directory", "cannot_execute", "cannot_execute_because", "cannot_start"]


def cannot_start(launch: Launch) -> StartRefused | None:
    """Refuse, before trying, a launch that no kernel takes; None for any other."""
    if not launch.argv:
        places = " ".join(launch.looked_for)
        reason = launch.missing or f"Couldn't find valid bootstrap(s): [{places}]"
        return _refused(launch, ErrorType.INVALID_ENTRYPOINT, reason)
    for what, text in _texts(launch):
        if "\0" in text:
            return cannot_execute_because(launch, f"{what} contains a NUL character: remove it")
        try:
            encoded(text)
        except UnicodeEncodeError:
            return cannot_execute_because(launch, f"{what} contains a lone surrogate, which is no text: remove it")
    for name in launch.variables:
        if "=" in name:
            return cannot_execute_because(launch, f"the environment variable name {name!r} contains '=': rename it")
    return None


def cannot_execute(launch: Launch, number: int | None) -> StartRefused:
    """The kernel refused to execute the program."""
    return cannot_execute_because(launch, _words(number))


def cannot_execute_because(launch: Launch, reason: str) -> StartRefused:
    """The program cannot be executed, for a reason of our own finding."""
    return _refused(launch, ErrorType.INVALID_ENTRYPOINT, f"fork/exec {launch.argv[0]}: {reason}")


def cannot_change_directory(launch: Launch, number: int | None) -> StartRefused:
    """The kernel refused the working directory."""
    return _refused(launch, ErrorType.INVALID_WORKING_DIR, f"chdir {launch.directory}: {_words(number)}")


def _refused(launch: Launch, error_type: ErrorType, reason: str) -> StartRefused:
    """Make a refusal whose text can be logged; bytes of a path that are no text come out as they were."""
    printable = reason.replace("\0", "\\0")
    try:
        encoded(printable)
    except UnicodeEncodeError:
        printable = printable.encode("utf-8", "backslashreplace").decode()
    return StartRefused(launch.name, error_type, printable)


def _texts(launch: Launch) -> Iterator[tuple[str, str]]:
    """Every text that the kernel is given, with what it is."""
    yield from ((f"argument {number}", argument) for number, argument in enumerate(launch.argv))
    yield "the working directory", str(launch.directory)
    for name, value in launch.variables.items():
        yield f"the environment variable name {name!r}", name
        yield f"the environment variable {name}", value


def _words(number: int | None) -> str:
    return os.strerror(number or errno.EIO).lower()
