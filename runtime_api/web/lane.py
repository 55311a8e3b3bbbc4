"""A connection that aiohttp serves: its bytes in slices, and what the roster must know of it.

aiohttp parses all of a read at once, and takes 4 µs for each chunk of a body: 0.2 s for a read of small ones. So it
gets its bytes a slice at a time here, one in each turn of the event loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from .http1 import patience
from .http1.patience import Sight
from .http1.peer import STAMPS
from .replies import TOO_SLOW, reply_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from .http1.patience import Stage
    from .http1.roster import Roster
    from .replies import PlainReply

__all__ = ["Lane"]

SLICE_BYTES = 4096  # 700 chunks at most, and 2 ms


class Lane(asyncio.Protocol):
    """Stands between a transport and another protocol, which is made by `make`."""

    kept = False

    def __init__(self, roster: Roster, make: Callable[[Lane], asyncio.Protocol]) -> None:
        self.stamp = next(STAMPS)
        self.body_bytes = 0  # of the request in hand, that have come
        self.wire_bytes = 0  # that have come since that request's head
        self._roster = roster
        self._inner = make(self)
        self._transport: Any = None
        self._waiting = b""
        self._turn_is_due = False
        self._is_deaf = False  # what still comes is dropped
        self._holds = False  # the inner protocol wants no data
        self._paused = False
        self._in_hand = 0  # requests
        self._body_is_due: Callable[[], None] | None = None  # called when it does not come
        self._has_begun = False  # to send the next request

    # between transport and protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._roster.add(self)
        self._inner.connection_made(cast("asyncio.Transport", _Valve(transport, self)))

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._waiting += data
        self._has_begun = True
        if not self._turn_is_due:
            self._go_on()

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._waiting = b""
        self._roster.discard(self)
        self._inner.connection_lost(error)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def hold(self, holds: bool) -> None:
        """The inner protocol wants no data, or wants it again."""
        self._holds = holds
        self._adjust()

    def _go_on(self) -> None:
        """Pass a slice on."""
        self._turn_is_due = False
        if self._waiting and not self._holds:
            data, self._waiting = self._waiting[:SLICE_BYTES], self._waiting[SLICE_BYTES:]
            self.wire_bytes += len(data)
            self._inner.data_received(data)
        self._adjust()

    def _adjust(self) -> None:
        if self._transport.is_closing():
            return
        if self._waiting and not self._holds and not self._turn_is_due:
            self._turn_is_due = True
            asyncio.get_running_loop().call_soon(self._go_on)
        pause = bool(self._waiting) or self._holds
        if pause is not self._paused:
            self._paused = pause
            (self._transport.pause_reading if pause else self._transport.resume_reading)()

    # what the one who answers tells

    def began(self, give_up: Callable[[], None]) -> None:
        """A request is being answered; `give_up` is called when its body takes too long."""
        self._in_hand += 1
        self.body_bytes = self.wire_bytes = 0
        self._body_is_due = give_up

    def has_whole_request(self) -> None:
        """The body of the request in hand is here."""
        self._body_is_due = None

    def ignore_the_rest(self) -> None:
        """Drop what still comes; aiohttp reads on for ten seconds, so that the peer sees its reply before a reset."""
        self._is_deaf, self._waiting = True, b""
        self._adjust()

    def answered(self) -> None:
        """The reply is written."""
        self._in_hand -= 1
        self._body_is_due = None
        self._has_begun = bool(self._waiting)
        self.stamp = next(STAMPS)

    # what the roster asks and does

    @property
    def descriptor(self) -> int:
        """The number of the socket's descriptor."""
        return int(self._transport.get_extra_info("socket").fileno())

    @property
    def is_parsing(self) -> bool:
        """Whether it goes on passing data in the next turn of the event loop."""
        return self._turn_is_due

    def sight(self) -> Sight:
        """Who has to go on, and with what."""
        unread = self._transport.get_write_buffer_size()
        if unread:
            return Sight(patience.UNREAD, progress=-unread)
        if self._paused or (self._in_hand and self._body_is_due is None):
            return Sight(patience.OURS)
        if self._in_hand:
            return Sight(patience.BODY, self.stamp, self.body_bytes)
        return Sight(patience.HEAD if self._has_begun else patience.IDLE, self.stamp)

    def expire(self, stage: Stage) -> None:
        """End a connection whose peer has taken too long in this stage."""
        if stage is patience.HEAD:
            self.turn_away(TOO_SLOW)
        elif stage is patience.BODY and self._body_is_due is not None:
            self._body_is_due()
        else:
            self.abort()

    def turn_away(self, reply: PlainReply) -> None:
        """Say why this peer is not served, and close the connection."""
        self._transport.write(reply_head(reply.status, reply.headers, len(reply.body), True) + reply.body)
        self.finish()

    def finish(self) -> None:
        """Close the connection as soon as what was written has been sent."""
        self._transport.close()

    def abort(self) -> None:
        """Close the connection now."""
        self._transport.abort()


class _Valve:
    """A transport whose reading belongs to the lane."""

    def __init__(self, transport: asyncio.BaseTransport, lane: Lane) -> None:
        self._transport = transport
        self._lane = lane

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def pause_reading(self) -> None:
        self._lane.hold(True)

    def resume_reading(self) -> None:
        self._lane.hold(False)
