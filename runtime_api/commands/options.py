"""Types of options, and the usage error that a bad value ends in: one line that says what to do, exit code 2."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

import click

from runtime_api.protocol.limits import CURRENT
from runtime_api.service import patterns

if TYPE_CHECKING:
    TextType = click.ParamType[str]
    WholeType = click.ParamType[int]
    SecondsType = click.ParamType[float]
else:  # click 8.1 has no type parameters here
    TextType = WholeType = SecondsType = click.ParamType

__all__ = [
    "EPHEMERAL",
    "HANDLER",
    "IDLE",
    "MAX_CONCURRENCY",
    "MEMORY",
    "NAME",
    "ORIGIN",
    "PORT",
    "REGION",
    "TIMEOUT",
    "Pattern",
    "Seconds",
    "Whole",
    "fail",
    "give_up",
    "shortened",
]

SHOWN = 200  # characters of a user's input that a message repeats


def fail(message: str) -> NoReturn:
    """End with a usage error: this line on stderr, and exit code 2."""
    raise click.UsageError(message)


class RunError(click.ClickException):
    """What goes wrong while a command does what it was asked for: nothing that another usage would help."""

    exit_code = 2


def give_up(message: str) -> NoReturn:
    """End with this line on stderr and exit code 2, without the command's usage."""
    raise RunError(message)


def shortened(given: str) -> str:
    """A user's input, cut to a length that fits into a message."""
    return given if len(given) <= SHOWN else f"{given[:SHOWN]}..."


class Pattern(TextType):
    """Text of one form; `form` completes the sentence "... is not"."""

    def __init__(self, name: str, pattern: str, form: str) -> None:
        self.name = name
        self._pattern = re.compile(pattern)
        self._form = form

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not self._pattern.fullmatch(value):
            self.fail(f"{shortened(value)!r} is not {self._form}", param, ctx)
        return value


class OriginText(TextType):
    """A web origin, as browsers write it."""

    name = "origin"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from runtime_api.web.hosts import read_origin

        if read_origin(value) is None:
            self.fail(f"{shortened(value)!r} is not an origin: give scheme://host or scheme://host:port", param, ctx)
        return value


class Whole(WholeType):
    """A whole number within bounds, both included."""

    def __init__(self, name: str, least: int, most: int) -> None:
        self.name = name
        self._least = least
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{shortened(value)!r} is not a whole number", param, ctx)
        if not self._least <= number <= self._most:
            self.fail(f"{number} is out of range; give {self._least} to {self._most}", param, ctx)
        return number


class Seconds(SecondsType):
    """A duration; `positive` excludes zero."""

    name = "seconds"

    def __init__(self, most: float, *, positive: bool) -> None:
        self._most = most
        self._positive = positive

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not math.isfinite(seconds):
            self.fail(f"{shortened(str(value))!r} is not a number of seconds", param, ctx)
        if not 0 <= seconds <= self._most or (self._positive and not seconds):
            bounds = f"more than 0, at most {self._most:.0f}" if self._positive else f"0 to {self._most:.0f}"
            self.fail(f"{seconds:g} is out of range; give {bounds} seconds", param, ctx)
        return seconds


TIMEOUT = Seconds(CURRENT.timeout_max_ms / 1000, positive=True)
IDLE = Seconds(1e6, positive=False)
MEMORY = Whole("MB", CURRENT.memory_min_mb, CURRENT.memory_max_mb)
EPHEMERAL = Whole("MB", 1, CURRENT.tmp_max_mb)
MAX_CONCURRENCY = Whole("N", 0, CURRENT.max_concurrency_max)
PORT = Whole("port", 0, 65535)
ORIGIN = OriginText()
NAME = Pattern("name", patterns.FUNCTION_NAME, "a function name: up to 64 letters, digits, - and _")
REGION = Pattern("region", patterns.REGION, "a region such as us-east-1")
HANDLER = Pattern("handler", patterns.HANDLER, "a handler: up to 128 characters without spaces")
