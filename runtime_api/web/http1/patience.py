"""How long a peer may keep the server waiting: a decision from what was seen at two moments.

Nothing on a request's way looks at a clock. A sweep (`roster.py`) looks at each connection every few seconds, and
what it finds is compared here with what it found before. So every time is kept to about a sweep's interval.

    IDLE     no request has begun                 closed after ten times the limit, unless the port keeps idle peers
    HEAD     a head is on its way                 must be whole within the limit
    BODY     a body is on its way                 within each limit's time LEAST_BYTES_S a second must come
    UNREAD   replies are on their way             the same, for what the peer takes
    OURS     the server has to go on              no limit: a poll, an invocation
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BODY",
    "CLIENT_TIMEOUT_S",
    "HEAD",
    "IDLE",
    "LEAST_BYTES_S",
    "OURS",
    "UNREAD",
    "Memory",
    "Patience",
    "Sight",
    "Stage",
    "compare",
]

CLIENT_TIMEOUT_S = 60.0
LEAST_BYTES_S = 256  # a tenth of a modem's rate; a peer that sends a byte now and then is far below
IDLE_LIMITS = 10


class Stage(Enum):
    """Who has to go on, and with what."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    UNREAD = auto()
    OURS = auto()


IDLE, HEAD, BODY, UNREAD, OURS = Stage
_FLOWS = frozenset({BODY, UNREAD})


class Sight(Struct, frozen=True):
    """What a connection looks like at one moment."""

    stage: Stage
    mark: int = 0  # tells one request, one reply or one idle time from the next
    progress: int = 0  # bytes that have come or gone, from a point that stays while the mark does


class Memory(Struct, frozen=True):
    """A sight, and since when it has been like that."""

    sight: Sight
    since: float


class Patience(Struct, frozen=True):
    """The limits of one port, in seconds."""

    limit_s: float = CLIENT_TIMEOUT_S
    ends_idle: bool = True

    @property
    def limits(self) -> Mapping[Stage, float]:
        """How long each stage may last; one that is missing may last for ever."""
        limits = dict.fromkeys((HEAD, BODY, UNREAD), self.limit_s)
        return {**limits, IDLE: IDLE_LIMITS * self.limit_s} if self.ends_idle else limits


def compare(memory: Memory | None, sight: Sight, now: float, limits: Mapping[Stage, float]) -> Memory | None:
    """What to remember of a connection; None when its peer's time is over."""
    if memory is None or (memory.sight.stage, memory.sight.mark) != (sight.stage, sight.mark):
        return Memory(sight, now)
    limit_s = limits.get(sight.stage)
    if limit_s is None or now - memory.since < limit_s:
        return memory
    gained = sight.progress - memory.sight.progress
    if sight.stage in _FLOWS and (gained < 0 or gained >= LEAST_BYTES_S * limit_s):
        return Memory(sight, now)  # below 0 when the last words to a peer were written behind its replies
    return None
