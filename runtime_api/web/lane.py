"""A connection that aiohttp serves, read along by our own parser, so that the same rules hold as on the fast lane.

aiohttp parses all of a read at once, and takes 4 µs for each chunk of a body: 0.2 s for a read of small ones. So it
gets its bytes a slice at a time here, one in each turn of the event loop (`backlog.py`). What our parser makes of a
slice says who has to go on (`patience.py`), and whether the peer has broken a rule: then its reply is ours, and comes
behind the replies to its good requests.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from .http1 import patience
from .http1.backlog import Backlog
from .http1.events import Broken, End, Head
from .http1.parser import BODY, HEAD, RequestParser
from .http1.patience import Sight
from .http1.peer import STAMPS
from .replies import BAD_REQUEST, TOO_SLOW, reply_head

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .http1.events import Event
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
        self._roster = roster
        self._inner = make(self)
        self._transport: Any = None
        self._parser = RequestParser()
        self._backlog = Backlog(SLICE_BYTES, SLICE_BYTES)
        self._turn_is_due = False
        self._is_deaf = False  # nothing more is read
        self._holds = False  # the inner protocol wants no data
        self._paused = False
        self._good = self._begun = self._answered = 0  # requests: with a good head, and what became of them
        self._in_body = False  # of the last good request
        self._fault: PlainReply | None = None  # of what comes after the good requests, or of the last one's body
        self._break_body: Callable[[PlainReply], None] | None = None

    # between transport and protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._roster.add(self)
        self._inner.connection_made(cast("asyncio.Transport", _Valve(transport, self)))

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._backlog.add(data)
        if not self._turn_is_due:
            self._go_on()

    def eof_received(self) -> bool:
        # It comes behind all data: nothing is read while some of it waits to be parsed.
        if not self._is_deaf:
            self._take(self._parser.end(BAD_REQUEST if self._in_body else None))
            self._end_in_turn()
        return not self._transport.is_closing()

    def connection_lost(self, error: Exception | None) -> None:
        self._backlog.clear()
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
        """Parse a slice, and pass it on."""
        self._turn_is_due = False
        if self._backlog and not self._holds:
            events, data = self._backlog.feed(self._parser)
            self._take(events)
            if self._is_deaf:
                data = data[: self._parser.whole_bytes]
            if data:
                self._inner.data_received(data)
            self._end_in_turn()
        self._adjust()

    def _take(self, events: Sequence[Event]) -> None:
        """Learn what a slice means."""
        is_new = False  # the request whose body is being read
        for event in events:
            if isinstance(event, Head):
                self._good += 1
                self._in_body = is_new = True
            elif isinstance(event, End):
                self._in_body = is_new = False
            elif isinstance(event, Broken):
                self._fault, self._is_deaf = event.fault, True
        if self._is_deaf and is_new:  # the inner protocol does not hear of it
            self._good, self._in_body = self._good - 1, False

    def _end_in_turn(self) -> None:
        """End a connection from which nothing more is read, once all good requests are answered."""
        if not self._is_deaf:
            return
        if self._answered == self._good:
            if self._fault is None or self._in_body:
                self.finish()
            else:
                self.turn_away(self._fault)
        elif self._in_body and self._begun == self._good and self._break_body is not None:
            assert self._fault is not None  # else the body would not be cut
            self._break_body(self._fault)

    def _adjust(self) -> None:
        if self._transport.is_closing():
            return
        if self._backlog and not self._holds and not self._turn_is_due:
            self._turn_is_due = True
            asyncio.get_running_loop().call_soon(self._go_on)
        pause = bool(self._backlog) or self._holds
        if pause is not self._paused:
            self._paused = pause
            (self._transport.pause_reading if pause else self._transport.resume_reading)()

    # what the one who answers tells

    def began(self, break_body: Callable[[PlainReply], None]) -> PlainReply | None:
        """A request is about to be answered; returns the reply if it is faulty.

        `break_body` is called with a reply when the body will not come to its end.
        """
        self._begun += 1
        self._break_body = break_body
        self._end_in_turn()
        return self._fault if self._begun > self._good else None

    def answered(self) -> None:
        """The reply is written."""
        self._answered = self._begun
        self.stamp = next(STAMPS)
        self._end_in_turn()

    @property
    def is_ending(self) -> bool:
        """Whether the request in hand is the last one, and nothing is sent behind its reply."""
        return self._is_deaf and self._fault is None and self._begun == self._good

    # what the roster asks and does

    @property
    def descriptor(self) -> int:
        """The number of the socket's descriptor."""
        return int(self._transport.get_extra_info("socket").fileno())

    @property
    def is_parsing(self) -> bool:
        """Whether it goes on parsing in the next turn of the event loop."""
        return self._turn_is_due

    def sight(self) -> Sight:
        """Who has to go on, and with what."""
        parser, unread = self._parser, self._transport.get_write_buffer_size()
        if unread:
            return Sight(patience.UNREAD, progress=-unread)
        if parser.state is BODY and self._begun == self._good and not self._paused:
            return Sight(patience.BODY, parser.requests, parser.body_bytes)
        if self._answered < self._good or self._paused:
            return Sight(patience.OURS)
        if parser.state is HEAD:
            return Sight(patience.HEAD, parser.requests)
        return Sight(patience.IDLE, self.stamp)

    def expire(self, stage: Stage) -> None:
        """End a connection whose peer has taken too long in this stage."""
        if stage is patience.HEAD:
            self.turn_away(TOO_SLOW)
        elif stage is patience.BODY and self._answered < self._good and self._break_body is not None:
            self._break_body(TOO_SLOW)
        else:
            self.abort()

    def turn_away(self, reply: PlainReply) -> None:
        """Send the last reply of this connection, unless it has been sent, and close it."""
        if not self._transport.is_closing():
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
