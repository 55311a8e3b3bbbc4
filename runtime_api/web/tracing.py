"""Draws what passes through an environment's port: each call, the state it met, and its answer.

    0.031  runtime -> api: GET /2018-06-01/runtime/invocation/next (Started)
    0.034  api -> runtime: 200 OK, request 8d9bd8ee-7c42-49e5-a7ee-bb5f6e0a9d11
           {"name": "Zoë"}

A port that is not traced knows nothing of this: the handler in front of its API, and the channel in place of each
exchange's connection, are made for traced ports only.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

from runtime_api.protocol import wire
from runtime_api.protocol.strict_reading import broken_rule

from .replies import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.standing import Standing

    from .http1.exchange import Channel, Exchange
    from .http1.handler import Handler

__all__ = ["TracedApi", "Traces"]

SHOWN = 300  # characters of a body
KEPT = 4 * SHOWN  # bytes of a body, which are at least that many characters
INDENT = " " * 8  # the width of a time
_SECRET = frozenset({wire.CREDENTIALS.encode(), wire.METADATA.encode()})  # logs get passed around
_REGISTER = wire.REGISTER.encode()
_EXTENSION_PATHS = (b"/2020-01-01/extension/", wire.TELEMETRY.encode(), wire.LOGS.encode())
_PREFIX = wire.INVOCATION_PREFIX.encode()
_REQUEST_ID = "lambda-runtime-aws-request-id: "


class Observed(Protocol):
    """An environment that tells who calls it, and in which state."""

    def standing_of_runtime(self, request_id: str) -> Standing: ...
    def standing_of_extension(self, identifier: str, name: str) -> Standing: ...


class Traces:
    """Numbers the environments of each function, so that their traces can be told apart."""

    def __init__(self) -> None:
        self._opened: Counter[str] = Counter()

    def of(self, api: Handler, function: str, environment: Observed, write: Callable[[bytes], None]) -> TracedApi:
        """Trace the API of one more environment; `write` takes whole lines for the log."""
        self._opened[function] += 1
        number = self._opened[function]
        return TracedApi(api, environment, Pen(write, "" if number == 1 else f"environment {number}, "))


class Pen:
    """Writes the lines of one environment, with the seconds since it was opened."""

    def __init__(self, write: Callable[[bytes], None], whose: str) -> None:
        self._write = write
        self._whose = whose
        self._began = time.monotonic()

    def draw(self, sender: str, receiver: str, text: str, *details: str) -> None:
        """Draw one message, and details of it below."""
        way = " -> ".join(dict.fromkeys((sender, receiver)))
        lines = [f"{time.monotonic() - self._began:8.3f}  {self._whose}{way}: {text}"]
        lines += [f"{INDENT}  {detail}" for detail in details if detail]
        self._write("".join(f"bootjack: {line}\n" for line in lines).encode())


class TracedApi:
    """Passes everything on to `api`, and draws it."""

    def __init__(self, api: Handler, environment: Observed, pen: Pen) -> None:
        self._api = api
        self._environment = environment
        self._pen = pen
        self.body_bytes = api.body_bytes

    def started(self, exchange: Exchange) -> None:
        self._hear(exchange, " ...")
        self._api.started(exchange)

    def received(self, exchange: Exchange, piece: bytes) -> None:
        self._pen.draw(self._who(exchange), "api", f"{len(piece)} bytes more", shown(piece))
        self._api.received(exchange, piece)

    def finished(self, exchange: Exchange) -> None:
        body = b"" if exchange.path in _SECRET else exchange.body
        if isinstance(exchange.connection, Overheard):
            self._pen.draw(self._who(exchange), "api", f"{len(exchange.body)} bytes, the end", shown(body))
        else:
            self._hear(exchange, "", shown(body))
        self._api.finished(exchange)

    def overflowed(self, exchange: Exchange) -> None:
        self._hear(exchange, f" with {max(exchange.announced, exchange.arrived)} bytes")
        self._api.overflowed(exchange)

    def truncated(self, exchange: Exchange) -> None:
        self._hear(exchange, "")
        who = self._who(exchange)
        self._pen.draw(who, who, f"the body ended too early, after {exchange.arrived} bytes")
        self._api.truncated(exchange)

    def half_closed(self, exchange: Exchange) -> bool:
        return self._api.half_closed(exchange)

    def dropped(self, exchange: Exchange) -> None:
        who = self._who(exchange)
        self._pen.draw(who, who, f"disconnected before {_line(exchange)} was answered")
        self._api.dropped(exchange)

    def _hear(self, exchange: Exchange, more: str, *details: str) -> None:
        """Draw a call, unless its head was drawn, and listen for its answer."""
        if isinstance(exchange.connection, Overheard):
            return
        standing = self._standing(exchange)
        exchange.connection = Overheard(exchange.connection, standing, self._pen)
        self._pen.draw(standing.who, "api", f"{_line(exchange)} ({standing.state.aws_name}){more}", *details)

    def _who(self, exchange: Exchange) -> str:
        channel = exchange.connection
        return channel.standing.who if isinstance(channel, Overheard) else self._standing(exchange).who

    def _standing(self, exchange: Exchange) -> Standing:
        path, get = exchange.path, exchange.headers.get
        if path.startswith(_EXTENSION_PATHS):
            name = _text(get(wire.EXTENSION_NAME_HEADER)) if path == _REGISTER else ""
            return self._environment.standing_of_extension(_text(get(wire.EXTENSION_IDENTIFIER_HEADER)), name)
        request_id = path.removeprefix(_PREFIX).partition(b"/")[0] if path.startswith(_PREFIX) else b""
        return self._environment.standing_of_runtime(_text(request_id))


class Overheard:
    """Implements `Channel`: a connection whose replies to one exchange are drawn."""

    def __init__(self, channel: Channel, standing: Standing, pen: Pen) -> None:
        self._channel = channel
        self.standing = standing
        self._pen = pen

    @property
    def kept(self) -> bool:
        """As the connection's."""
        return self._channel.kept

    @kept.setter
    def kept(self, value: bool) -> None:
        self._channel.kept = value

    def send_reply(self, exchange: Exchange, status: int, headers: str, body: bytes) -> None:
        """Draw the reply, and send it."""
        text = f"{status} {REASONS.get(status, '')}".rstrip() + _request_id(headers)
        details = _Reply(exchange.path, status, body).details(self.standing)
        self._pen.draw("api", self.standing.who, text, *details)
        self._channel.send_reply(exchange, status, headers, body)

    @property
    def peer_host(self) -> str:
        """As the connection's."""
        return self._channel.peer_host

    def begin_reply(self, exchange: Exchange, status: int, headers: str, piece: bytes) -> None:
        self._channel.begin_reply(exchange, status, headers, piece)

    def write_piece(self, exchange: Exchange, piece: bytes) -> None:
        self._channel.write_piece(exchange, piece)

    def end_reply(self, exchange: Exchange) -> None:
        self._channel.end_reply(exchange)

    async def drained(self) -> None:
        await self._channel.drained()

    def finish(self) -> None:
        self._channel.finish()

    def adjust_reading(self) -> None:
        self._channel.adjust_reading()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


class _Reply(NamedTuple):
    """A reply, of which a trace shows the body, and the rule behind a refusal."""

    path: bytes
    status: int
    body: bytes

    def details(self, standing: Standing) -> tuple[str, ...]:
        """The lines below the status."""
        if self.path in _SECRET:
            return ()
        rule = broken_rule(self._error_type(), standing.state) if self.status >= 400 else None
        return shown(self.body), "" if rule is None else f"the rule: {rule}"

    def _error_type(self) -> str:
        try:
            document = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return ""
        return str(document.get("errorType", "")) if isinstance(document, dict) else ""


def shown(body: bytes) -> str:
    """A body for people to read: its beginning, and its size where that is not all."""
    text = body[:KEPT].decode("utf-8", "backslashreplace").removesuffix("\n")
    text = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
    return f"{text[:SHOWN]}... ({len(body)} bytes)" if len(body) > KEPT or len(text) > SHOWN else text


def _line(exchange: Exchange) -> str:
    return f"{_text(exchange.method)} {_text(exchange.path)}"


def _request_id(headers: str) -> str:
    for line in headers.splitlines():
        if line.lower().startswith(_REQUEST_ID):
            return f", request {line[len(_REQUEST_ID) :]}"
    return ""


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "backslashreplace")
