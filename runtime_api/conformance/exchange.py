"""The recorded exchange of one case: every message with its time, sender and receiver."""

from __future__ import annotations

import time
from typing import NamedTuple

__all__ = ["Message", "Recorder", "render"]

KEPT = 2048  # bytes of a body that are kept
SHOWN = 300  # characters of a body that a text shows
MOST_IN_A_ROW = 50  # outputs of a process between two other messages


class Message(NamedTuple):
    """One message; an event that concerns one party only has the same sender and receiver."""

    at: float  # seconds since the case began
    sender: str  # "runtime", "api", "process", "invoker", "extension NAME", "kit"
    receiver: str
    text: str  # one line: GET /2018-06-01/runtime/invocation/next; 200 OK; exit status 1
    head: str = ""  # the header lines as sent
    body: bytes = b""  # its beginning
    size: int = 0  # the whole body's
    connection: int = 0  # its number, from 1; 0 for what is sent on no connection, or on an unnumbered one


class Recorder:
    """Records the messages of one case."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._messages: list[Message] = []
        self._outputs = 0  # in a row
        self._stopped = False

    @property
    def seconds(self) -> float:
        """Seconds since the case began."""
        return time.monotonic() - self._begin

    def note(
        self, sender: str, receiver: str, text: str, head: str = "", body: bytes = b"", connection: int = 0
    ) -> None:
        """Record a message that is sent now."""
        self._outputs = 0
        if not self._stopped:
            kept = bytes(body[:KEPT])
            self._messages.append(Message(self.seconds, sender, receiver, text, head, kept, len(body), connection))

    def output(self, lines: bytes) -> None:
        """Record what a process writes; of one that writes again and again, the beginning and the end."""
        outputs = self._outputs + 1
        text = "writes"
        if outputs > MOST_IN_A_ROW and not self._stopped:
            self._messages.pop()
            text = f"writes (outputs left out before this one: {outputs - MOST_IN_A_ROW})"
        self.note("process", "process", text, body=lines)
        self._outputs = outputs

    def stop(self) -> None:
        """Record nothing any more: the case is over, and the kit ends what it has started."""
        self._stopped = True

    def messages(self) -> tuple[Message, ...]:
        """The messages so far."""
        return tuple(self._messages)


def render(exchange: tuple[Message, ...]) -> str:
    """The exchange as text, a line for each message and for each of its header lines."""
    lines = []
    several = len({message.connection for message in exchange} - {0}) > 1
    for message in exchange:
        way = message.sender if message.sender == message.receiver else f"{message.sender} -> {message.receiver}"
        number = f" (connection {message.connection})" if several and message.connection else ""
        lines.append(f"{message.at:8.3f}  {way}: {message.text}{number}")
        lines += [f"{'':10}  {line}" for line in message.head.splitlines()]
        if message.size:
            lines.append(f"{'':10}  {shown_body(message)}")
    return "\n".join(lines)


def shown_body(message: Message) -> str:
    """A body for people to read: its beginning, and its size."""
    text = message.body.decode("utf-8", "backslashreplace")
    text = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
    if message.size > len(message.body) or len(text) > SHOWN:
        return f"{text[:SHOWN]}... ({message.size} bytes)"
    return text
