"""What verbs share: options, and reading what users give them. Bad input is a usage error: one line, exit 2."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from runtime_api.protocol.limits import CURRENT
from runtime_api.service.variables import reserved_names

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SECONDS", "fail", "read_event", "read_variables"]

SECONDS = click.FloatRange(min=0, min_open=True, max=CURRENT.timeout_max_ms / 1000)
MEGABYTES = click.IntRange(min=CURRENT.memory_min_mb, max=CURRENT.memory_max_mb)

SHOWN = 60  # characters of what the user gave that a message repeats

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")


def fail(message: str) -> NoReturn:
    """End with one line that says what to do, and exit code 2."""
    raise click.UsageError(message)


def read_event(given: str) -> bytes:
    """The event named by -e: `-` for standard input, a file's name, or the JSON itself."""
    if given == "-":
        if sys.stdin is None:
            fail("-e -: standard input is closed")
        return sys.stdin.buffer.read()
    path = Path(given)
    try:
        if path.is_file():
            return path.read_bytes()
    except (OSError, ValueError):
        pass  # too long or too odd for a file's name: then it is the event itself
    if given.lstrip()[:1] in ("{", "[", '"') or re.fullmatch(r"\s*(-?\d[\d.eE+-]*|true|false|null)\s*", given):
        return given.encode()
    shown = given if len(given) <= SHOWN else given[:SHOWN] + "..."
    fail(f"-e {shown!r} is neither a file nor JSON (use - for standard input)")


def read_variables(files: Iterable[Path], pairs: Iterable[str]) -> dict[str, str]:
    """The customer's variables from --env-file and --env-var; a later one overrides an earlier."""
    variables: dict[str, str] = {}
    for file in files:
        variables.update(_from_file(file))
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            if name not in os.environ:
                fail(f"--env-var {name}: no such variable here; give its value as {name}=VALUE")
            value = os.environ[name]
        variables[_checked(name, f"--env-var {pair}")] = value
    return variables


def _from_file(file: Path) -> dict[str, str]:
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"--env-file {file}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}")
    variables = {}
    for number, line in enumerate(text.splitlines(), 1):
        content = line.strip().removeprefix("export ").lstrip()
        if not content or content.startswith("#"):
            continue
        where = f"{file}:{number}"
        name, equals, value = content.partition("=")
        if not equals:
            fail(f"{where}: {content!r} is not NAME=VALUE")
        variables[_checked(name.rstrip(), where)] = _unquoted(value.strip())
    return variables


def _unquoted(value: str) -> str:
    for quote in ("'", '"'):
        if len(value) >= 2 and value[0] == value[-1] == quote:
            return value[1:-1]
    return value


def _checked(name: str, where: str) -> str:
    if not _NAME.fullmatch(name):
        fail(f"{where}: {name!r} is not a variable's name: letters, digits and _, a letter first")
    if name in reserved_names():
        fail(f"{where}: {name} is reserved by Lambda and set for you")
    return name
