"""One request and its reply: what has arrived, what the handler knows, what was sent, and which act comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from .events import Broken, Data, End, Memo
from .states import (
    AFTER_START,
    ANSWER,
    ANSWER_EARLY,
    ANSWERED,
    ANSWERED_EARLY,
    BEGIN,
    BODY,
    BROKEN,
    CLOSE,
    COMPLETE,
    CONTINUE,
    END,
    HANDLER,
    NEXT,
    NONE,
    OVERFLOW,
    QUEUED,
    RECEIVE,
    REPLY,
    REQUEST,
    START,
    STARTED,
    STREAMING,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runtime_api.web.replies import PlainReply

    from .events import Head
    from .states import Act, HandlerState, ReplyState, RequestState

__all__ = ["DRAIN_BYTES", "Channel", "Exchange", "open_exchange"]

DRAIN_BYTES = 67_108_864  # of a refused body, read so that the connection can go on


class Channel(Protocol):
    """The connection, as the handler of an exchange sees it."""

    kept: bool  # set by a handler that knows its peer: it may wait as long as it likes

    def send_reply(self, exchange: Exchange, status: int, headers: str, body: bytes) -> None:
        """Write the reply of this exchange. It is lost when the peer has disconnected."""

    @property
    def peer_host(self) -> str:
        """The IP address of the peer."""

    def begin_reply(self, exchange: Exchange, status: int, headers: str, piece: bytes) -> None:
        """Write the head of a reply whose body comes in pieces, and the first piece."""

    def write_piece(self, exchange: Exchange, piece: bytes) -> None:
        """Write a piece of that body."""

    def end_reply(self, exchange: Exchange) -> None:
        """Write the end of that body."""

    async def drained(self) -> None:
        """Return when the peer has taken most of what was written. ConnectionResetError when it has gone."""

    def finish(self) -> None:
        """Close the connection as soon as what was written has been sent."""

    def adjust_reading(self) -> None:
        """Read on, or stop reading, as the exchange in hand now has it."""


class Exchange(Struct, eq=False):
    """A request and its reply. Every invocation makes three; a Struct takes 0.3 µs, an ordinary class 1 µs."""

    connection: Channel
    method: bytes
    path: bytes
    query: bytes
    headers: Mapping[bytes, bytes]  # names in lower case; of several lines with one name the first counts
    request_state: RequestState = BODY
    handler_state: HandlerState = QUEUED
    body: bytes = b""  # once the request is complete; what of it the handler has not received piece by piece
    memo: Memo = field(default_factory=Memo)  # shared with the exchanges whose header lines are the same
    arrived: int = 0  # bytes of the body, kept or not, unless the whole request came at once
    reply_state: ReplyState = NONE
    close: bool = False  # the connection ends with this exchange
    http10: bool = False  # the peer speaks HTTP/1.0, which needs headers that HTTP/1.1 implies
    announced: int = 0  # bytes of the body, according to the head
    raw_bytes: int = 0  # read for the body since the read with the head, or since a piece of it was taken
    chunks: list[bytes] | None = None  # of the body that are kept
    trailers: Mapping[bytes, bytes] | None = None
    fault: PlainReply | None = None  # what broke the request
    context: Any = None  # for the handler's own use
    repeated: Sequence[tuple[bytes, bytes]] = ()  # header lines whose names had come before
    in_pieces: bool = False  # set by a handler that takes the body piece by piece, of any size
    held: bool = False  # nothing more of the body is read for now
    outlasts_faults: bool = False  # set by a handler that replies whatever comes behind this request

    @property
    def answered(self) -> bool:
        """Whether the reply was sent."""
        return self.reply_state is ANSWERED or self.reply_state is ANSWERED_EARLY

    @property
    def awaits_whole_body(self) -> bool:
        """Whether the handler knows the head, has not replied, and gets the body all at once."""
        return self.handler_state is STARTED and not self.in_pieces and not self.answered

    @property
    def awaits_continue(self) -> bool:
        """Whether the peer waits for 100 Continue before it sends the body; HTTP/1.0 does not have it."""
        if self.request_state is not BODY or self.reply_state is not NONE or self.http10:
            return False
        return self.headers.get(b"expect", b"").lower() == b"100-continue"

    def reply(self, status: int, headers: str = "", body: bytes = b"") -> None:
        """Answer, unless this was answered. `headers` are lines with CRLF; length and connection are added."""
        row = REPLY[self.reply_state]
        if ANSWER not in row:
            return
        act = ANSWER
        if self.request_state is not COMPLETE:
            self.chunks = None
            if self.awaits_continue:
                act, self.close = ANSWER_EARLY, True
        self.reply_state = row[act]
        self.held = False
        self.connection.send_reply(self, status, headers, body)

    def begin(self, status: int, headers: str, piece: bytes = b"") -> None:
        """Begin a reply to the whole request, with a body that comes in pieces. `headers` as for `reply`."""
        self.reply_state = REPLY[self.reply_state][BEGIN]
        self.connection.begin_reply(self, status, headers, piece)

    def write(self, piece: bytes) -> None:
        """Add a piece to the body of the reply."""
        if piece and self.reply_state is STREAMING:
            self.connection.write_piece(self, piece)

    def end(self) -> None:
        """End the body of the reply."""
        self.reply_state = REPLY[self.reply_state][END]
        self.connection.end_reply(self)

    def break_off(self) -> None:
        """End the connection, by which the peer can tell that the body of the reply is not whole."""
        self.connection.finish()

    def hold(self) -> None:
        """Read no more of the body until `resume`, or until this is answered: the peer has to wait."""
        if self.request_state is BODY and not self.answered:
            self.held = True
            self.connection.adjust_reading()

    def resume(self) -> None:
        """Read the body again."""
        if self.held:
            self.held = False
            self.connection.adjust_reading()

    def take_pieces(self) -> bytes:
        """Return what has come of the body since the last time."""
        pieces, self.chunks, self.raw_bytes = self.chunks or [], None, 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def receive(self, event: Data | End | Broken, limit: int) -> None:
        """Take the next event of this request. A body over the limit is not kept."""
        self.request_state = REQUEST[self.request_state][type(event)]
        if type(event) is Data:
            self._keep(event.chunk, limit)
        elif type(event) is End:
            self.trailers = event.trailers
            self.body, self.chunks = b"".join(self.chunks or ()), None
        elif type(event) is Broken:
            self.fault = event.fault

    def _keep(self, chunk: bytes, limit: int) -> None:
        """Keep a piece of the body if the handler may want it.

        What arrives together with the head is kept, whatever its size: the handler decides whether there is a limit
        when it knows the head.
        """
        self.arrived += len(chunk)
        unwanted = self.answered or (self.is_too_large(limit) and self.handler_state is not QUEUED)
        if unwanted:
            self.chunks = None
        elif self.chunks is None:
            self.chunks = [chunk]
        else:
            self.chunks.append(chunk)

    def is_too_large(self, limit: int) -> bool:
        """Whether the body is, or will be, over the limit."""
        return not self.in_pieces and (self.announced > limit or self.arrived > limit)

    def told(self, act: Act) -> None:
        """The handler learns something about this exchange."""
        self.handler_state = HANDLER[self.handler_state][act]

    def continued(self) -> None:
        """100 Continue is sent to the peer."""
        self.reply_state = REPLY[self.reply_state][CONTINUE]

    def next_act(self, limit: int, is_lost: bool) -> Act | None:
        """The next act; None while the peer or the handler has to go on (the rules are in `states.py`).

        `is_lost`: what the peer sent after this request is not HTTP.
        """
        complete = self.request_state is COMPLETE
        if not self.answered:
            act = self._next_to_tell(limit)
            if act is not None:
                return act
        elif complete and not self.close:
            return NEXT
        elif complete or self.reply_state is ANSWERED_EARLY:
            return CLOSE
        if self.request_state is BROKEN or self.raw_bytes > DRAIN_BYTES:
            return CLOSE
        return CLOSE if is_lost and not self.outlasts_faults else None

    def _next_to_tell(self, limit: int) -> Act | None:
        state = self.handler_state
        if state is QUEUED and self.request_state is not COMPLETE:
            return START
        if state is STARTED and self.in_pieces and self.chunks:
            return RECEIVE
        if state is QUEUED or state is STARTED:
            if self.is_too_large(limit):
                return OVERFLOW
            if self.request_state is not BODY:
                return AFTER_START[self.request_state]
        return CONTINUE if state is STARTED and self.awaits_continue else None


def open_exchange(channel: Channel, head: Head) -> Exchange:
    """Return the exchange that begins with this head."""
    return Exchange(
        channel,
        head.method,
        head.path,
        head.query,
        head.headers,
        memo=head.memo,
        close=head.close,
        http10=head.http10,
        announced=head.length,
        repeated=head.repeated,
    )
