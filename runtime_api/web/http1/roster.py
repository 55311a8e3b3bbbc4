"""The open connections of one listener: how many there may be, which one goes first, and who takes too long."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from runtime_api.web.replies import CROWDED

from .patience import IDLE, Memory, Patience, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runtime_api.web.replies import PlainReply

    from .patience import Sight, Stage

__all__ = ["PUBLIC", "RUNTIME_API", "Bounds", "Guest", "Roster", "Share"]

SWEEPS = 6  # for each limit of time
SEEN_AT_ONCE = 256  # connections, in one turn of the event loop
SEARCH_S = 20e-6  # interval between two searches for idle connections, for each connection: ten times their cost
FEW = 64  # connections are searched whenever one is needed
NOTE_S = 60.0  # interval between two notes in the log
SPARE_DESCRIPTORS = 32  # the last ones of the process are no connection's: a start of a runtime needs a dozen
LEAST = 8  # connections
MANY = 1 << 20  # descriptors, where there is no limit


class Guest(Protocol):
    """A connection, as the roster sees it."""

    stamp: int  # lower for the one that got its last reply longer ago
    kept: bool  # it is the runtime's own: it goes last, and may take its time

    @property
    def descriptor(self) -> int: ...
    @property
    def is_parsing(self) -> bool: ...
    def sight(self) -> Sight: ...
    def expire(self, stage: Stage) -> None: ...
    def turn_away(self, reply: PlainReply) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...


class Share(Struct, frozen=True):
    """One in `part` of the process's descriptors, `most` at most."""

    part: int
    most: int


PUBLIC = Share(2, 16_384)  # the other half is for environments, five each, and files
RUNTIME_API = Share(8, 1024)  # a runtime has one connection, or one for each invocation at once; AWS's Node.js five


class Bounds(Struct, frozen=True):
    """What one port allows its clients. Without a number, connections have a share of the process's descriptors."""

    patience: Patience = Patience()
    share: Share = PUBLIC
    connections: int | None = None

    def most(self, descriptors: int) -> int:
        """How many connections there may be, where the process may have this many descriptors."""
        return self.connections or max(LEAST, min(self.share.most, descriptors // self.share.part))


class Roster:
    """The connections; it closes those that are too many or too slow."""

    def __init__(self, bounds: Bounds, note: Callable[[str], None]) -> None:
        self._bounds = bounds
        self._limits = bounds.patience.limits
        self._note = note
        self._noted = self._searched = float("-inf")
        self._guests: dict[Guest, Memory | None] = {}
        self._oldest: deque[tuple[int, Guest]] = deque()  # what the last search for idle ones has found
        self._unseen: list[Guest] = []  # in this sweep
        self._timer: asyncio.Handle | None = None
        self._allowed = self._most = self._last_descriptor = LEAST
        self._is_closing = False
        self._empty: asyncio.Event | None = None  # made when somebody waits for the last connection

    def __len__(self) -> int:
        return len(self._guests)

    def __iter__(self) -> Iterator[Guest]:
        return iter(list(self._guests))

    def open(self) -> None:
        """Take the number of connections from what the process may have open now."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        descriptors = MANY if soft == resource.RLIM_INFINITY else soft
        self._allowed = self._most = self._bounds.most(descriptors)
        self._last_descriptor = descriptors - SPARE_DESCRIPTORS

    def admit(self, guest: Guest) -> None:
        """Take a new connection; one too many takes the place of the oldest idle one, or is turned away."""
        if guest.descriptor >= self._last_descriptor:
            # Whatever uses them, there are no more descriptors than for these. A later connection may get the low
            # number of one that was closed, so it is the count that tells from now on.
            self._most = min(self._most, max(LEAST, len(self._guests)))
        is_one_too_many = len(self._guests) >= self._most
        self.add(guest)
        if not is_one_too_many:
            return
        oldest = self._oldest_idle(guest)
        if oldest is None:
            self._say(f"{len(self._guests) - 1} connections are in use, and new ones get 503 (--max-connections)")
            guest.turn_away(CROWDED)
        else:
            oldest.finish()

    def add(self, guest: Guest) -> None:
        """Take a connection whose place is sure."""
        self._guests[guest] = None
        self._arm()

    def discard(self, guest: Guest) -> None:
        """Forget a connection that has ended, or is another one from now on."""
        self._guests.pop(guest, None)
        if self._empty is not None and not self._guests:
            self._empty.set()

    async def close(self, timeout_s: float) -> None:
        """Close every connection; peers get `timeout_s` to read what is written."""
        self._is_closing = True
        if self._timer is not None:
            self._timer.cancel()
        for guest in list(self._guests):
            guest.finish()
        if not await self._emptied(timeout_s):
            for guest in list(self._guests):
                guest.abort()
            await self._emptied(None)

    async def _emptied(self, timeout_s: float | None) -> bool:
        """Whether the last connection ends within this time."""
        if not self._guests:
            return True
        self._empty = asyncio.Event()
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    # who goes first

    def _oldest_idle(self, newest: Guest) -> Guest | None:
        """The idle connection that got its last reply the longest ago.

        A search looks at every connection, so what it finds is used up before the next one.
        """
        found = self._next_found()
        now = time.monotonic()  # the loop's own time is that of the turn's beginning
        if found is None and now - self._searched >= SEARCH_S * max(0, len(self._guests) - FEW):
            self._searched = now
            self._oldest = deque(self._idle_in_order(newest))
            found = self._next_found()
        return found

    def _next_found(self) -> Guest | None:
        while self._oldest:
            stamp, guest = self._oldest.popleft()
            if guest in self._guests and guest.stamp == stamp and guest.sight().stage is IDLE:
                return guest
        return None

    def _idle_in_order(self, newest: Guest) -> list[tuple[int, Guest]]:
        """The idle connections that may be closed, with their stamps.

        A runtime's own may be idle for hours and then be used without a second try, so it is closed only when there
        are more of them than a runtime has use for: half of all.
        """
        idle = [guest for guest in self._guests if guest is not newest and guest.sight().stage is IDLE]
        kept = sorted((guest.stamp, guest) for guest in idle if guest.kept)
        others = sorted((guest.stamp, guest) for guest in idle if not guest.kept)
        return others + kept[: max(0, len(kept) - self._most // 2)]

    def _say(self, text: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._noted >= NOTE_S:
            self._noted = now
            self._note(text)

    # who takes too long

    def _arm(self) -> None:
        if self._timer is None and not self._is_closing:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._bounds.patience.limit_s / SWEEPS, self._sweep)

    def _sweep(self) -> None:
        """Look at some connections, and go on with the others in the next turn of the event loop."""
        loop = asyncio.get_running_loop()
        self._unseen = self._unseen or list(self._guests)
        some, self._unseen = self._unseen[:SEEN_AT_ONCE], self._unseen[SEEN_AT_ONCE:]
        for guest in some:
            self._look_at(guest, loop.time())
        self._timer = loop.call_soon(self._sweep) if self._unseen else None
        if len(self._guests) < self._most // 2:
            self._most = self._allowed
        if self._guests:
            self._arm()

    def _look_at(self, guest: Guest, now: float) -> None:
        if guest.kept or guest not in self._guests:
            return
        sight = guest.sight()
        memory = compare(self._guests[guest], sight, now, self._limits)
        if memory is None:
            guest.expire(sight.stage)
        else:
            self._guests[guest] = memory
