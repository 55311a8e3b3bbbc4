"""One peer's connection: makes exchanges of what it reads, and lets a handler answer them in order.

The parser only collects events. Handlers are called after it has returned, from `_advance`, one request of a
connection at a time and in order. So pipelined requests wait their turn, a request that is answered late (a long
poll) holds up the ones behind it, and a handler's bug is never mistaken for a client's bad syntax: it is reported to
the event loop and closes this connection. The connection stops reading while a request waits behind another, and
takes no new request while its peer does not read the replies, so one peer can make it keep one request and one read.
A read that means much work is parsed over several turns of the event loop (`backlog.py`).
"""

from __future__ import annotations

from asyncio import get_running_loop
from collections import deque
from typing import TYPE_CHECKING

from runtime_api.web.replies import BODILESS, CONTINUE, KEEP_ALIVE, LAST_CHUNK, TOO_SLOW, reply_head, streamed_head

from . import patience
from .backlog import SLICE_BYTES, WORK, Backlog
from .bodies import BEGUN_BYTES, LARGE_BYTES, LargeBody
from .events import Broken, Data, Head, whole_request
from .exchange import Exchange, open_exchange
from .heads import HeadCache
from .parser import BETWEEN, HEAD, RequestParser
from .patience import Sight
from .peer import STAMPS, Peer
from .states import (
    CLOSE,
    COMPLETE,
    DROP,
    FINISH,
    NEXT,
    OVERFLOW,
    RECEIVE,
    START,
    TRUNCATE,
    WHEN_LOST,
)
from .states import CONTINUE as SEND_CONTINUE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from runtime_api.web.replies import PlainReply

    from .events import Event
    from .handler import Handler
    from .outbox import Outbox
    from .patience import Stage
    from .states import Act

__all__ = ["JOIN_BYTES", "Connection"]

JOIN_BYTES = 65_536  # a body up to this size is copied behind its head, to need one write only


class Connection(Peer):
    """The exchange in hand, and those that wait behind it."""

    def __init__(
        self,
        handler: Handler,
        outbox: Outbox,
        made: Callable[[Connection], None],
        lost: Callable[[Connection], None],
        heads: HeadCache | None = None,
    ) -> None:
        super().__init__(outbox, made, lost)
        self._handler = handler
        self._limit = handler.body_bytes
        self._parser = RequestParser()
        self._backlog = Backlog()
        self._turn_is_due = False  # of the event loop, in which the backlog is parsed
        self._heads = heads or HeadCache()
        self._current: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._receiving: Exchange | None = None  # whose body is being read; the current one or the last of the queue
        self._ended = False  # nothing more is read
        self._fault: PlainReply | None = None  # sent after the replies to the peer's good requests
        self._advancing = False
        self._paused = False
        self._streamed_bytes = 0  # of bodies that were written in pieces
        self._room: asyncio.Future[None] | None = None  # made by who waits for the peer to read

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        if self._current is None and self._writable and self._parser.state is BETWEEN:
            exchange = self._heads.find(data, self)
            if exchange is not None:
                self._current = exchange
                try:
                    self._handler.finished(exchange)
                except Exception as error:
                    self._fail(error)
                return
        if len(data) <= SLICE_BYTES and not self._backlog:
            self._digest(self._idle, self._parser.feed(data), data)
        else:
            self._backlog.add(data)
            self._read_on()

    def eof_received(self) -> bool:
        for event in self._parser.end():
            self._take(event)
        self._advance()
        exchange = self._current
        if self._queue:
            self._queue[-1].close = True
        if exchange is None:
            return bool(self._queue)
        exchange.close = exchange.close or not self._queue
        return exchange.answered or self._handler.half_closed(exchange)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self._queue.clear()
        self._backlog.clear()
        self._make_room()
        exchange, self._current = self._current, None
        try:
            if exchange is not None and not exchange.answered:
                act = WHEN_LOST.get(exchange.handler_state)
                if act is not None:
                    self._tell(act, exchange)
        finally:  # whatever a handler raises, the server must not wait for this connection
            self._lost(self)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._make_room()
        self._advance()

    def _make_room(self) -> None:
        """Let a waiting writer go on, or find out that its peer has gone."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    # an exchange, step by step

    def _read_on(self) -> None:
        """Parse what waits, as far as this turn of the event loop goes."""
        self._turn_is_due = False
        parser, backlog = self._parser, self._backlog
        enough = parser.work + WORK
        while backlog and parser.work < enough and not self._is_crowded and self._is_open:
            idle = self._idle
            self._digest(idle, *backlog.feed(parser))
        if self._ended:
            backlog.clear()
        self.adjust_reading()

    @property
    def _idle(self) -> bool:
        """Whether the next byte begins a request that can be served at once."""
        return self._current is None and self._writable and self._parser.state is BETWEEN

    def _digest(self, idle: bool, events: Sequence[Event], data: bytes) -> None:
        """Go on with what the parser made of this data; `idle` before it."""
        if self._receiving is not None:
            self._receiving.raw_bytes += len(data)
        request = whole_request(events) if idle else None
        if request is not None and len(request[1]) <= self._limit:
            self._heads.learn(data, request[0])
        for event in events:
            self._take(event)
        self._advance()
        if self._parser.body_left >= LARGE_BYTES and self._parser.body_bytes >= BEGUN_BYTES:
            self._read_apart()

    def _read_apart(self) -> None:
        """Let the rest of a large body come straight into its place."""
        exchange, transport = self._current, self._transport
        if exchange is None or exchange is not self._receiving or not exchange.awaits_whole_body:
            return
        if transport is not None and not self._paused and not self._backlog:
            LargeBody(self, transport, exchange, exchange.take_pieces())

    def body_arrived(self, body: bytes) -> None:
        """Go on with a large body that was read apart."""
        for event in self._parser.read_apart(body):
            self._take(event)
        self._advance()

    def _take(self, event: Event) -> None:
        if isinstance(event, Head):
            self._receiving = open_exchange(self, event)
            self._queue.append(self._receiving)
            return
        if self._receiving is not None:
            self._receiving.receive(event, self._limit)
            if not isinstance(event, Data):
                self._receiving = None
        if isinstance(event, Broken):
            self._ended, self._fault = True, event.fault

    def _advance(self) -> None:
        """Do the next acts until the peer or a handler has to go on."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._step():
                pass
        except Exception as error:
            self._fail(error)
        finally:
            self._advancing = False
        if self._paused or self._is_crowded:
            self.adjust_reading()

    def _step(self) -> bool:
        """Do one act of the current exchange, or of the next one; False when there is none."""
        exchange = self._current or self._next_in_queue()
        act = None if exchange is None else exchange.next_act(self._limit, self._fault is not None)
        if exchange is None or act is None or act is CLOSE:
            if act is CLOSE:
                self.finish()
            return False
        if act is NEXT:
            self._current = None
        elif act is SEND_CONTINUE:
            exchange.continued()
            self._write_now(CONTINUE)
        else:
            self._tell(act, exchange)
        return True

    def _next_in_queue(self) -> Exchange | None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return None
        if not self._queue:
            if self._ended:
                self._close_with_fault()
            return None
        if self._writable:
            self._current = self._queue.popleft()
        return self._current

    def _tell(self, act: Act, exchange: Exchange) -> None:
        exchange.told(act)
        if act is FINISH:
            self._handler.finished(exchange)
        elif act is START:
            self._handler.started(exchange)
        elif act is RECEIVE:
            self._handler.received(exchange, exchange.take_pieces())
        elif act is OVERFLOW:
            self._handler.overflowed(exchange)
        elif act is TRUNCATE:
            exchange.close = True
            self._handler.truncated(exchange)
        elif act is DROP:
            self._handler.dropped(exchange)

    def _fail(self, error: Exception) -> None:
        """Report a handler's bug, and close this connection: the state of its exchange is unknown."""
        context = {"message": "A request handler failed", "exception": error, "protocol": self}
        get_running_loop().call_exception_handler(context)
        self.abort()

    @property
    def _is_crowded(self) -> bool:
        """Whether nothing may be read: others come first, the peer reads nothing, or the handler wants no more."""
        if self._queue or not self._writable:
            return True
        exchange = self._current
        return exchange is not None and exchange.held

    def adjust_reading(self) -> None:
        """Read, or parse what was read, unless it is crowded."""
        if not self._is_open:
            return
        crowded, waits = self._is_crowded, bool(self._backlog)
        if waits and not crowded and not self._turn_is_due:
            self._turn_is_due = True
            get_running_loop().call_soon(self._read_on)
        if (crowded or waits) is not self._paused:
            assert self._transport is not None
            self._paused = not self._paused
            if self._paused:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    # writing

    def send_reply(self, exchange: Exchange, status: int, headers: str, body: bytes) -> None:
        """Write the reply of this exchange. It is lost when the peer has disconnected."""
        self.stamp = next(STAMPS)
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        close, size = exchange.close, len(body)
        if exchange.http10 and not close:
            headers += KEEP_ALIVE
        head = reply_head(status, headers, size, close)
        if exchange.method == b"HEAD" or status in BODILESS:
            body, size = b"", 0
        if self._unsent:
            self.flush()
        if size > JOIN_BYTES:
            transport.writelines((head, body))
        elif self._outbox.callers > 1:
            self._unsent = head + body
            self._outbox.add(self.flush)
        else:
            transport.write(head + body)
        if close or self._queue or self._ended or exchange.request_state is not COMPLETE:
            self._advance()
        else:
            self._current = None

    def begin_reply(self, exchange: Exchange, status: int, headers: str, piece: bytes) -> None:
        """Write the head of a reply whose body comes in pieces, and the first piece."""
        self.stamp = next(STAMPS)
        if exchange.http10:
            exchange.close = True  # which is how HTTP/1.0 ends a body of unknown length
        head = streamed_head(status, headers, is_chunked=not exchange.http10, close=exchange.close)
        self._write_now(head + _framed(exchange, piece))

    def write_piece(self, exchange: Exchange, piece: bytes) -> None:
        """Write a piece of that body."""
        self._streamed_bytes += len(piece)
        if len(piece) <= JOIN_BYTES // 4 or exchange.http10:
            self._write_now(_framed(exchange, piece))
        elif self._transport is not None and self._is_open:
            self.flush()
            self._transport.writelines((b"%x\r\n" % len(piece), piece, b"\r\n"))

    def end_reply(self, exchange: Exchange) -> None:
        """Write the end of that body."""
        if not self._is_open:
            return
        if not exchange.http10 and exchange.method != b"HEAD":
            self._write_now(LAST_CHUNK)
        self._advance()

    async def drained(self) -> None:
        """Return when the peer has taken most of what was written. ConnectionResetError when it has gone."""
        if not self._writable and self._is_open:
            self._room = get_running_loop().create_future()
            await self._room
        if not self._is_open:
            raise ConnectionResetError

    def _close_with_fault(self) -> None:
        """Close a connection that sends nothing more; a fault is reported after the replies to good requests."""
        fault, self._fault = self._fault, None
        if fault is not None:
            self._write_plain(fault)
        self.finish()

    # what the roster asks and does

    @property
    def is_parsing(self) -> bool:
        """Whether it goes on parsing in the next turn of the event loop."""
        return self._turn_is_due

    def sight(self) -> Sight:
        """Who has to go on, and with what."""
        if unread := self._unread_bytes:
            return Sight(patience.UNREAD, self.stamp, self._streamed_bytes - unread)
        if self._receiving is not None and not self._paused:
            return Sight(patience.BODY, self._parser.requests, self._receiving.arrived)
        if self._current is not None or self._paused:
            return Sight(patience.OURS)
        if self._parser.state is HEAD:
            return Sight(patience.HEAD, self._parser.requests)
        return Sight(patience.IDLE, self.stamp)

    def expire(self, stage: Stage) -> None:
        """End a connection whose peer has taken too long in this stage."""
        if stage is patience.IDLE:
            self.finish()
        elif stage is patience.UNREAD:
            self.abort()
        else:
            for event in self._parser.end(TOO_SLOW):
                self._take(event)
            self._advance()


def _framed(exchange: Exchange, piece: bytes) -> bytes:
    """A piece of a streamed body as it is written."""
    if exchange.method == b"HEAD":
        return b""
    return piece if exchange.http10 or not piece else b"%x\r\n%b\r\n" % (len(piece), piece)
