"""One peer's connection: makes exchanges of what it reads, and lets a handler answer them in order.

The parser only collects events. Handlers are called after it has returned, from `_advance`, one request of a
connection at a time and in order. So pipelined requests wait their turn, a request that is answered late (a long
poll) holds up the ones behind it, and a handler's bug is never mistaken for a client's bad syntax: it is reported to
the event loop and closes this connection. The connection stops reading while a request waits behind another, and
takes no new request while its peer does not read the replies, so one peer can make it keep one request and one read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

from runtime_api.web.replies import CONTINUE, KEEP_ALIVE, reply_head

from .events import Broken, Data, Head, whole_request
from .exchange import Exchange
from .forwarding import as_bytes
from .heads import HeadCache
from .parser import BETWEEN, RequestParser
from .states import (
    ANSWER,
    ANSWER_EARLY,
    CLOSE,
    COMPLETE,
    DROP,
    DUE,
    FINISH,
    LEAVE,
    LEAVING,
    NEXT,
    OVERFLOW,
    START,
    TRUNCATE,
    WHEN_LOST,
)
from .states import CONTINUE as SEND_CONTINUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.web.replies import PlainReply

    from .events import Event
    from .handler import Handler
    from .outbox import Outbox
    from .states import Act

__all__ = ["JOIN_BYTES", "Connection"]

JOIN_BYTES = 65_536  # a body up to this size is copied behind its head, to need one write only


class Connection(asyncio.Protocol):
    """The exchange in hand, and those that wait behind it."""

    def __init__(
        self,
        handler: Handler,
        outbox: Outbox,
        made: Callable[[Connection], None],
        lost: Callable[[Connection], None],
        heads: HeadCache | None = None,
    ) -> None:
        self._handler = handler
        self._limit = handler.body_bytes
        self._outbox = outbox
        self._unsent = b""  # while it is in the outbox
        self._made, self._lost = made, lost
        self._parser = RequestParser()
        self._heads = heads or HeadCache()
        self._transport: asyncio.Transport | None = None
        self._current: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._receiving: Exchange | None = None  # whose body is being read; the current one or the last of the queue
        self._ended = False  # nothing more is read
        self._fault: PlainReply | None = None  # sent after the replies to the peer's good requests
        self._advancing = False
        self._paused = False
        self._writable = True

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transport is not a subclass
        self._made(self)

    def data_received(self, data: bytes) -> None:
        if self._current is None and self._writable and self._parser.state is BETWEEN:
            known = self._heads.find(data)
            if known is not None:
                head, body = known
                method, path, query, headers = head.method, head.path, head.query, head.headers
                self._serve(Exchange(self, method, path, query, headers, COMPLETE, DUE, body, len(body)))
                return
        self._read(data)

    def eof_received(self) -> bool:
        for event in self._parser.end():
            self._take(event)
        self._advance()
        exchange = self._current
        if exchange is None:
            return bool(self._queue)
        exchange.close = not self._queue
        return exchange.answered or self._handler.half_closed(exchange)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self._queue.clear()
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
        self._advance()

    # an exchange, step by step

    def _serve(self, exchange: Exchange) -> None:
        """Handle the usual case on a fast path: one whole request, none before it and none behind."""
        self._current = exchange
        try:
            if exchange.arrived > self._limit:
                self._handler.overflowed(exchange)
            else:
                self._handler.finished(exchange)
        except Exception as error:
            self._fail(error)

    def _read(self, data: bytes) -> None:
        """Parse what arrived, and go on."""
        idle = self._current is None and self._writable and self._parser.state is BETWEEN
        if self._receiving is not None:
            self._receiving.raw_bytes += len(data)
        events = self._parser.feed(data)
        request = whole_request(events) if idle else None
        if request is not None:
            head, body, end = request
            self._heads.learn(data, head)
            exchange = self._exchange(head)
            exchange.request_state, exchange.handler_state = COMPLETE, DUE
            exchange.body, exchange.arrived, exchange.trailers = body, len(body), end.trailers
            self._serve(exchange)
            return
        for event in events:
            self._take(event)
        self._advance()

    def _exchange(self, head: Head) -> Exchange:
        return Exchange(
            self,
            head.method,
            head.path,
            head.query,
            head.headers,
            close=head.close,
            http10=head.http10,
            announced=head.length,
            repeated=head.repeated,
        )

    def _take(self, event: Event) -> None:
        if isinstance(event, Head):
            self._receiving = self._exchange(event)
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
        if self._paused or self._queue or not self._writable or self._is_leaving:
            self._adjust_reading()

    def _step(self) -> bool:
        """Do one act of the current exchange, or of the next one; False when there is none."""
        exchange = self._current or self._next_in_queue()
        act = None if exchange is None else exchange.next_act(self._limit, self._fault is not None)
        if exchange is None or act is None or act is CLOSE:
            if act is CLOSE:
                self._end()
            return False
        if act is NEXT:
            self._current = None
        elif act is SEND_CONTINUE:
            exchange.sent(act)
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
        asyncio.get_running_loop().call_exception_handler(context)
        self.abort()

    def _adjust_reading(self) -> None:
        crowded = bool(self._queue) or not self._writable or self._is_leaving
        if crowded is not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = crowded
            if crowded:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    # writing

    def send_reply(self, exchange: Exchange, status: int, headers: str, body: bytes) -> None:
        """Write a reply. It is lost when the peer has disconnected."""
        early = exchange.request_state is not COMPLETE and exchange.awaits_continue
        exchange.sent(ANSWER_EARLY if early else ANSWER)
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if early:
            exchange.close = True
        if exchange.http10 and not exchange.close:
            headers += KEEP_ALIVE
        head = reply_head(status, headers, len(body), exchange.close)
        if exchange.method == b"HEAD":
            body = b""
        if self._unsent:
            self.flush()
        if len(body) > JOIN_BYTES:
            transport.writelines((head, body))
        elif self._outbox.is_open:
            self._unsent = head + body
            self._outbox.add(self.flush)
        else:
            transport.write(head + body)
        if exchange.request_state is COMPLETE and not exchange.close and not self._queue and not self._ended:
            self._current = None
        else:
            self._advance()

    def flush(self) -> None:
        """Write what is in the outbox."""
        unsent, self._unsent = self._unsent, b""
        if unsent and self._transport is not None:
            self._transport.write(unsent)

    def _write_now(self, data: bytes) -> None:
        self.flush()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _close_with_fault(self) -> None:
        """Close a connection that sends nothing more; a fault is reported after the replies to good requests."""
        fault, self._fault = self._fault, None
        if fault is not None:
            self._write_now(reply_head(fault.status, fault.headers, len(fault.body), True) + fault.body)
        self._end()

    def _end(self) -> None:
        if self._transport is not None:
            self.flush()
            self._transport.close()

    def finish(self) -> None:
        """Close the connection as soon as what was written has been sent."""
        self._end()

    def abort(self) -> None:
        """Close the connection now, answered or not."""
        if self._transport is not None:
            self._transport.abort()

    # another protocol

    @property
    def _is_leaving(self) -> bool:
        return self._current is not None and self._current.handler_state is LEAVING

    def hold(self) -> None:
        """Read nothing more until the connection is handed over, with the current exchange and the ones behind it."""
        if self._current is not None:
            self._current.told(LEAVE)
            self._adjust_reading()

    def hand_over(self, protocol: asyncio.Protocol) -> None:
        """Give the peer to another protocol, from the current exchange on, whose body may still be on its way.

        If the peer has sent part of another head behind it, the connection is closed: a peer that pipelines must
        repeat what was not answered (RFC 9112 9.3.2).
        """
        transport, exchange = self._transport, self._current
        if transport is None or transport.is_closing() or exchange is None:
            return
        if self._parser.has_part_of_a_head:
            self._end()
            return
        exchange.told(LEAVE)
        self.flush()
        data = b"".join([as_bytes(each) for each in (exchange, *self._queue)])
        self._transport = self._current = None
        self._queue.clear()
        self._lost(self)
        try:
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            protocol.data_received(data)
        except BaseException:
            transport.abort()
            raise
        if self._paused:
            transport.resume_reading()
