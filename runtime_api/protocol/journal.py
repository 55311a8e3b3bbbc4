"""The ordered, timestamped record of what happened in one execution environment.

Theory. Whatever an environment has to report passes through its journal once: the platform's records, and the lines
that its processes write. Log text, the log tail of a caller and, later, telemetry, metrics and traces are
consumers. An entry holds values; a consumer that needs text formats it when it writes, never while an invocation
waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from .platform_events import log_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from .effects import Emit
    from .platform_events import Record

__all__ = ["Entry", "Journal", "LogTail"]


class Entry(Struct):
    """Records that belong together, in order, one at least; `at` is the machine's monotonic time in milliseconds."""

    at: float
    records: tuple[Record, ...]
    made_text: bytes | None = None  # once a consumer has asked for it

    def text(self) -> bytes:
        """Return the records as they stand in the log; made once, for all consumers that need it."""
        text = self.made_text
        if text is None:
            text = self.made_text = log_bytes(self.records)
        return text


class Journal:
    """Passes each entry to every consumer, in the order of their subscription; keeps nothing itself.

    `make` makes an entry: in whose format its text is written. `now` is the time of what the machine emits, which is
    set for each event that it is given.
    """

    def __init__(self, make: Callable[[float, tuple[Record, ...]], Entry] = Entry) -> None:
        self.now = 0.0
        self._make = make
        self._consumers: tuple[Callable[[Entry], None], ...] = ()

    def subscribe(self, consumer: Callable[[Entry], None]) -> None:
        """Give this consumer every entry from now on."""
        self._consumers = (*self._consumers, consumer)

    def unsubscribe(self, consumer: Callable[[Entry], None]) -> None:
        """Give this consumer nothing more."""
        self._consumers = tuple(each for each in self._consumers if each != consumer)

    def emit(self, effect: Emit) -> None:
        """Record what the machine asks for."""
        entry = self._make(self.now, effect.records)
        for consumer in self._consumers:
            consumer(entry)

    def append(self, at: float, records: tuple[Record, ...]) -> None:
        """Record what has just happened."""
        entry = self._make(at, records)
        for consumer in self._consumers:
            consumer(entry)


class LogTail:
    """A consumer that keeps the end of the log text, at most `limit_bytes` of it (guide 3766)."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._text = bytearray()

    def __call__(self, entry: Entry) -> None:
        self._text += entry.text()
        del self._text[: -self._limit_bytes]

    def text(self) -> bytes:
        """What the log ends with."""
        return bytes(self._text)
