"""An init that fails again inside the invocation, as it has failed before it: what it writes is shown once.

Lambda runs a failed init a second time, inside the invocation, and most fail in the same way again. What is kept of
the log has both.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from runtime_api.protocol.platform_events import End, InitReport, InitStart, Lines

from .look import OWN

if TYPE_CHECKING:
    from runtime_api.protocol.journal import Entry
    from runtime_api.protocol.platform_events import Record

__all__ = ["RepeatedInit"]

_FOLLOWED = (InitStart, InitReport, End)
MOST_BYTES = 65_536  # of the output of an init; more is shown both times


class _Stage(Enum):
    ELSEWHERE = auto()  # in no init, or in one that differs
    FIRST = auto()  # in the init
    FAILED = auto()  # behind one that has failed
    AGAIN = auto()  # in the one inside the invocation, which has written nothing new until now


_ELSEWHERE, _FIRST, _FAILED, _AGAIN = _Stage  # module-level names: every entry asks, and members are slow to look up


class RepeatedInit:
    """Holds back what the second init of an environment writes for as long as the first one has written the same."""

    def __init__(self) -> None:
        self._stage = _ELSEWHERE
        self._first = b""  # what the init wrote
        self._again = b""  # what the one inside the invocation has written
        self._held: list[bytes] = []  # the same, as it would be shown

    def show(self, entry: Entry, text: bytes) -> bytes:
        """What is to be shown now that an entry has this text."""
        first = entry.records[0]  # a process's output is an entry of its own, and so is a first INIT_START
        if self._stage is _ELSEWHERE and first.__class__ is not InitStart:
            return text
        if isinstance(first, Lines):
            return (
                text if first.source == OWN else self._output(first.data, text, is_plain=entry.text() == first.data)
            )
        for record in entry.records:
            if isinstance(record, _FOLLOWED):
                text = self._follow(record) + text
        return text

    def _output(self, data: bytes, text: bytes, *, is_plain: bool) -> bytes:
        if not is_plain:  # but JSON, which has times
            self._stage = _ELSEWHERE
        elif self._stage is _FIRST:
            self._first += data
            if len(self._first) > MOST_BYTES:
                self._stage = _ELSEWHERE
        elif self._stage is _AGAIN:
            self._again += data
            self._held.append(text)
            if self._first.startswith(self._again):
                return b""
            return self._release()
        return text

    def _follow(self, record: Record) -> bytes:
        """Go on to the stage that begins with a record of the platform, and return what is shown before it."""
        if isinstance(record, InitStart):
            if record.phase == "init":
                self._stage, self._first = _FIRST, b""
            elif self._stage is _FAILED:
                self._stage, self._again = _AGAIN, b""
        elif isinstance(record, InitReport) and record.status != "success":
            if self._stage is _FIRST:
                self._stage = _FAILED
            elif self._stage is _AGAIN and self._again == self._first:
                self._held.clear()
                self._stage = _ELSEWHERE
            else:
                return self._release()
        elif self._stage is not _FAILED:
            return self._release()
        return b""

    def _release(self) -> bytes:
        held = b"".join(self._held)
        self._held.clear()
        self._stage = _ELSEWHERE
        return held
