"""`bootjack logs`: what a function has written, asked of a running server."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import click

from .endpoint import Endpoint, endpoint_option
from .option_groups import OPTIONS, options_under
from .options import TextType, give_up, shortened
from .signing import signer_of
from .stdout import STDOUT, leave_if_unread, write_out
from .verb import Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["command"]

POLL_S = 0.5  # between two looks for new lines
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
AGO = re.compile(r"(?P<number>\d{1,9})(?P<unit>[smhdw])")
NAME = re.compile(r"^(arn:[^:]*:lambda:)?([^:]*:)*function:")  # of a function, what stands before it in its ARNs
TARGET = "Logs_20140328.FilterLogEvents"
OWN_GROUP = "/aws/lambda/"
NOT_FOUND = 404


class Since(TextType):
    """A time, or how long ago it was; in Unix milliseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, int):
            return value
        ago = AGO.fullmatch(value)
        if ago is not None:
            return max(int((time.time() - int(ago["number"]) * UNITS[ago["unit"]]) * 1000), 0)
        try:
            given = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{shortened(value)!r} is no time: give 30s, 5m, 2h, 1d, 1w or 2026-01-31T12:00:00", param, ctx)
        return max(int(given.timestamp() * 1000), 0)


class Source(NamedTuple):
    """Where a function's log is kept. `stream` stands in the names of its streams where the group has others too."""

    group: str
    stream: str = ""
    exists: bool = True  # the function does; its group may not yet


option = options_under(OPTIONS)


@click.command(
    cls=Verb,
    arguments=(("NAME", "The function, by name or ARN; or a log group, by a name that begins with /."),),
    examples=(
        "bootjack logs orders --since 1h",
        "bootjack logs orders --follow --filter '?ERROR ?Traceback'",
        "bootjack logs orders --filter '\"request timed out\" -health'",
    ),
)
@click.argument("name")
@option("-f", "--follow", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@option(
    "--since",
    "since_ms",
    type=Since(),
    metavar="AGO|TIME",
    default="10m",
    show_default=True,
    help="Begin with what was written so long ago (30s, 5m, 2h, 1d, 1w), or at this time (ISO 8601).",
)
@option(
    "--filter",
    "pattern",
    metavar="PATTERN",
    default="",
    help="Only lines with these words: 'A B' both, '?A ?B' one of them, '-A' not this one, '\"A B\"' a phrase; as in "
    "the CloudWatch Logs API.",
)
@option("-t", "--timestamps", is_flag=True, help="Begin each line with its time.")
@endpoint_option
def command(name: str, follow: bool, since_ms: int, pattern: str, timestamps: bool, url: str) -> None:
    """Print what a function has written, as the server has kept it.

    The server is one that `bootjack serve` has started; logs of deleted functions are there too.
    """
    endpoint = Endpoint(url, signer_of(os.environ, None))
    source = _source(endpoint, name)
    seen = ""
    while True:
        for event in _events(endpoint, source, name, pattern, since_ms):
            if event["eventId"] > seen:
                since_ms, seen = event["timestamp"], event["eventId"]
                if source.stream in event["logStreamName"]:
                    write_out(_line(event, timestamps), "the log")
        if not follow:
            return
        leave_if_unread(POLL_S)


def _source(endpoint: Endpoint, name: str) -> Source:
    """Find out where the log of a function is: its LoggingConfig may name a group."""
    if name.startswith("/"):
        return Source(name, exists=False)
    found = endpoint.ask("GET", f"/2015-03-31/functions/{quote(name, safe='')}/configuration")
    if found.status == NOT_FOUND:
        return Source(OWN_GROUP + NAME.sub("", name).partition(":")[0], exists=False)
    plain = found.document.get("FunctionName")
    if plain is None:
        give_up(f"{endpoint.url}: {found.document.get('Message') or found.document.get('message') or found.status}")
    group = found.document.get("LoggingConfig", {}).get("LogGroup") or OWN_GROUP + plain
    return Source(group) if group == OWN_GROUP + plain else Source(group, f"/{plain}[")


def _events(endpoint: Endpoint, source: Source, name: str, pattern: str, since_ms: int) -> Iterator[dict[str, Any]]:
    """The events from a time on, page by page."""
    asked: dict[str, Any] = {"logGroupName": source.group, "startTime": since_ms, "filterPattern": pattern}
    headers = {"X-Amz-Target": TARGET, "Content-Type": "application/x-amz-json-1.1"}
    while True:
        answer = endpoint.ask("POST", "/", headers, asked)
        if answer.document.get("__type") == "ResourceNotFoundException" and source.exists:
            return  # nothing was written yet
        if "events" not in answer.document:
            _fail(endpoint, name, answer.document)
        yield from answer.document["events"]
        if "nextToken" not in answer.document:
            return
        asked["nextToken"] = answer.document["nextToken"]


def _fail(endpoint: Endpoint, name: str, document: dict[str, Any]) -> None:
    if document.get("__type") == "ResourceNotFoundException":
        give_up(f"{name}: no function of this name, and no log of one, is at {endpoint.url}")
    give_up(f"{endpoint.url}: {document.get('message') or 'no server that keeps logs: is it bootjack serve?'}")


def _line(event: dict[str, Any], timestamps: bool) -> bytes:
    message = event["message"].removesuffix("\n")
    if os.isatty(STDOUT):  # Runtimes keep a traceback one event by carriage returns.
        message = message.replace("\r", "\n")
    time_text = f"{_time(event['timestamp'])} " if timestamps else ""
    return f"{time_text}{message}\n".encode()


def _time(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
