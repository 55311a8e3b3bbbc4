"""What verbs share: option types, and reading what users give them. Bad input is a usage error: one line, exit 2."""

from __future__ import annotations

import errno
import math
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from runtime_api.protocol.limits import CURRENT
from runtime_api.service.variables import reserved_names

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ANY_SECONDS",
    "EPHEMERAL",
    "HANDLER",
    "MEGABYTES",
    "NAME",
    "REGION",
    "SECONDS",
    "fail",
    "read_event",
    "read_variables",
    "shortened",
]

SHOWN = 200  # characters of what the user gave that a message repeats

_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_NUMBER_OR_WORD = re.compile(r"\s*(-?\d[\d.eE+-]*|true|false|null)\s*")
# Names that are none of a file's: then what was given is the event itself.
_NO_FILE = (errno.ENOENT, errno.ENAMETOOLONG, errno.ENOTDIR)


def fail(message: str) -> NoReturn:
    """End with one line that says what to do, and exit code 2."""
    raise click.UsageError(message)


def shortened(given: str) -> str:
    """What the user gave, as far as a message has room for it."""
    return given if len(given) <= SHOWN else f"{given[:SHOWN]}..."


class Seconds(click.FloatRange):
    """A time limit; fractions are allowed, what is no number is not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return seconds


class Pattern(click.ParamType[str]):
    """Text of one form."""

    def __init__(self, name: str, pattern: str, form: str) -> None:
        self.name = name
        self._pattern = re.compile(pattern)
        self._form = form

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not self._pattern.fullmatch(value):
            self.fail(f"{shortened(value)!r} is not {self._form}", param, ctx)
        return value


SECONDS = Seconds(min=0, min_open=True, max=CURRENT.timeout_max_ms / 1000)
ANY_SECONDS = Seconds(min=0, max=1e6)
MEGABYTES = click.IntRange(min=CURRENT.memory_min_mb, max=CURRENT.memory_max_mb)
EPHEMERAL = click.IntRange(min=1, max=CURRENT.tmp_max_mb)
NAME = Pattern("name", r"[a-zA-Z0-9_-]{1,64}", "a function's name: up to 64 letters, digits, - and _")
REGION = Pattern("region", r"[a-z]{2}(-[a-z]+)+-\d", "a region such as us-east-1")
HANDLER = Pattern("handler", r"[^\s\0]{1,128}", "a handler: up to 128 characters without spaces")


def read_event(given: str) -> tuple[str, bytes]:
    """The event named by -e (`-` for standard input, a file's name, or the JSON itself), and what to call it."""
    if given == "-":
        if sys.stdin is None:
            fail("-e -: standard input is closed")
        return "-e -", sys.stdin.buffer.read()
    path = Path(given)
    try:
        if not path.is_dir():
            return f"-e {shortened(given)}", path.read_bytes()
    except OSError as error:
        if error.errno not in _NO_FILE:
            fail(f"-e {shortened(given)}: {(error.strerror or 'cannot be read').lower()}")
    except ValueError:
        pass  # a NUL is in no file's name
    if given.lstrip()[:1] in ("{", "[", '"') or _NUMBER_OR_WORD.fullmatch(given):
        return "-e", os.fsencode(given)
    fail(f"-e {shortened(given)!r} is neither a file nor JSON (use - for standard input)")


def read_variables(files: Iterable[Path], pairs: Iterable[str]) -> dict[str, str]:
    """The customer's variables from --env-file and --env-var; a later one overrides an earlier."""
    variables: dict[str, str] = {}
    for file in files:
        variables.update(_from_file(file))
    for pair in pairs:
        name, equals, value = pair.partition("=")
        _check_name(name, f"--env-var {shortened(pair)!r}")
        if not equals:
            if name not in os.environ:
                fail(f"--env-var {name}: no such variable here; give its value as {name}=VALUE")
            value = os.environ[name]
        variables[name] = value
    return variables


def _from_file(file: Path) -> dict[str, str]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        fail(f"--env-file {file}: not UTF-8 text")
    except OSError as error:
        fail(f"--env-file {file}: {(error.strerror or 'cannot be read').lower()}")
    variables = {}
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip(" \t\r").removeprefix("export ").lstrip(" \t")
        if not content or content.startswith("#"):
            continue
        where = f"{file}:{number}"
        name, equals, value = content.partition("=")
        if not equals or "\0" in content:
            fail(f"{where}: {shortened(content)!r} is not NAME=VALUE")
        _check_name(name.rstrip(" \t"), where)
        variables[name.rstrip(" \t")] = _unquoted(value.strip(" \t"))
    return variables


def _unquoted(value: str) -> str:
    for quote in ("'", '"'):
        if len(value) >= 2 and value[0] == value[-1] == quote:
            return value[1:-1]
    return value


def _check_name(name: str, where: str) -> None:
    if not _VARIABLE.fullmatch(name):
        fail(f"{where}: {shortened(name)!r} is not a variable's name: letters, digits and _, a letter first")
    if name in reserved_names():
        fail(f"{where}: {name} is reserved by Lambda and set for you")
