"""How many batches of a queue are taken at once: more while there is a backlog, fewer when the function is throttled.

Theory. A turn is one batch from the request for messages to the end of its invocation. One turn waits for messages
while the queue is empty. A full batch is a sign of more: then as many turns wait for messages at once as full batches
have come since the queue was empty, so that a few messages are not scattered over many small batches, until as many
run as are allowed. That is 5 at first and one more for every second of backlog (spec-service CO-11), half as many
after each throttled invocation, and never more than the function can run, so that a batch that arrives has an
environment.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["MOST", "Found", "QueueScaling"]

FIRST = 5  # turns at once
MORE_PER_S = 1.0  # AWS, "Lambda scaling with standard queues" of 2019: 60 a minute
MOST = 1000


class Found(Enum):
    """What a request for messages has brought."""

    NOTHING = "nothing"
    SOME = "some"
    FULL = "full"


class QueueScaling:
    """Counts turns; times are in seconds of any clock."""

    def __init__(self, now_s: float, most_asking: int = MOST) -> None:
        """`most_asking`: turns that may wait for messages at once."""
        self._most_asking = most_asking
        self.asking = 0  # turns that wait for messages
        self.busy = 0  # turns that have some
        self._allowed = float(FIRST)
        self._full = 0  # batches since the queue was empty
        self._grown_s = now_s

    @property
    def _has_backlog(self) -> bool:
        return self._full > 0

    def begin(self, limit: int, now_s: float) -> int:
        """Begin as many turns as may run now, and return how many; `limit`: batches that the function can take."""
        self._grow(now_s)
        room = min(int(self._allowed), limit) - self.busy - self.asking
        wanted = min(room, min(self._most_asking, max(self._full, 1)) - self.asking)
        begun = max(wanted, 0)
        self.asking += begun
        return begun

    def next_s(self) -> float | None:
        """Return after how many seconds another turn may be allowed; None: after nothing but an event."""
        return 1 / MORE_PER_S if self._has_backlog else None

    def received(self, found: Found, now_s: float) -> None:
        """Note what a turn's request for messages has brought; with nothing the turn is over."""
        self._grow(now_s)
        self.asking -= 1
        if found is Found.NOTHING:
            self._full = 0
            self._allowed = max(min(self._allowed, FIRST), 1.0)
            return
        self.busy += 1
        self._full += found is Found.FULL

    def ended(self) -> None:
        """Note that a turn with messages is over."""
        self.busy -= 1

    def throttled(self, now_s: float) -> None:
        """Note that the function could not take a batch."""
        self._grow(now_s)
        self._allowed = max(min(self._allowed, self.busy) / 2, 1.0)

    def _grow(self, now_s: float) -> None:
        if self._has_backlog or self._allowed < FIRST:
            self._allowed = min(self._allowed + (now_s - self._grown_s) * MORE_PER_S, MOST)
        self._grown_s = now_s
