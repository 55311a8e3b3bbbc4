"""Where a peer waits until it is known whether it may come in.

    WAITING --admitted--> INSIDE          a Connection takes over, with what has arrived meanwhile
    WAITING --refused--> REFUSED          the peer's first bytes are answered with the refusal, and that is the end

Nearly always the door knows at once, so that the connection is read by nobody else. A peer that waits, or has been
refused, is none of the server's connections: it takes no one's place and holds up no one.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, cast

from runtime_api.protocol.wire import refusal_body
from runtime_api.web.replies import JSON, reply_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.errors import Refusal

__all__ = ["Door", "Doorway", "Place"]

MOST_WAITING = 256  # peers whose judgement takes a while; any other is disconnected
MOST_REFUSED = 64  # peers that may be told why; any other is disconnected
REFUSED_S = 1.0  # a refused peer that asks nothing for so long is disconnected


class Door(Protocol):
    """Judges peers."""

    def refusal(
        self, own: tuple[object, ...], peer: tuple[object, ...]
    ) -> Refusal | asyncio.Future[Refusal | None] | None:
        """Say how to refuse the peer at this address; None if it may come in."""

    def refused(self, refusal: Refusal) -> None:
        """A peer has asked something, and has been refused."""


class Place(Enum):
    """How far a peer has come."""

    WAITING = "waiting"
    REFUSED = "refused"
    INSIDE = "inside"
    GONE = "gone"


class Doorway(asyncio.Protocol):
    """Holds one peer; `others` are all that a server's doorways hold."""

    def __init__(self, door: Door, inside: Callable[[], asyncio.Protocol], others: set[Doorway]) -> None:
        self._door = door
        self._inside = inside
        self._others = others
        self._transport: asyncio.Transport | None = None
        self._arrived = b""
        self._ended = False
        self._refusal: Refusal | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.place = Place.WAITING

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transport is not a subclass
        self._others.add(self)
        refusal: Any = self._door.refusal(
            transport.get_extra_info("sockname") or (), transport.get_extra_info("peername") or ()
        )
        if not isinstance(refusal, asyncio.Future):
            self._decide(refusal)
        elif self._number_of(Place.WAITING) > MOST_WAITING:
            self.abort()
        else:
            refusal.add_done_callback(lambda judged: self._decide(judged.result()))

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        if self.place is Place.REFUSED:
            self._tell()
        elif self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._ended = True
        return self.place is Place.WAITING

    def connection_lost(self, _exc: Exception | None) -> None:
        self._leave(Place.GONE)

    # a verdict

    def _decide(self, refusal: Refusal | None) -> None:
        if self.place is not Place.WAITING or self._transport is None:
            return
        if refusal is None:
            self._let_in(self._transport)
        elif self._number_of(Place.REFUSED) >= MOST_REFUSED:
            self.abort()
        else:
            self.place, self._refusal = Place.REFUSED, refusal
            if self._arrived or self._ended:
                self._tell()
            else:
                self._timer = asyncio.get_running_loop().call_later(REFUSED_S, self.abort)

    def _let_in(self, transport: asyncio.Transport) -> None:
        self._leave(Place.INSIDE)
        inside = self._inside()
        transport.set_protocol(inside)
        inside.connection_made(transport)
        if self._arrived:
            transport.resume_reading()
            inside.data_received(self._arrived)
        if self._ended and not inside.eof_received():
            transport.close()

    def _tell(self) -> None:
        """Refuse what was asked, whatever it is, and disconnect."""
        transport, refusal = self._transport, self._refusal
        if transport is None or refusal is None or transport.is_closing():
            return
        if self._arrived:
            body = refusal_body(refusal)
            transport.write(reply_head(refusal.status, JSON, len(body), True) + body)
            self._door.refused(refusal)
        transport.close()

    def abort(self) -> None:
        """Disconnect at once."""
        if self._transport is not None:
            self._transport.abort()

    def _number_of(self, place: Place) -> int:
        return sum(each.place is place for each in self._others)

    def _leave(self, place: Place) -> None:
        self.place = place
        self._others.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if place is Place.GONE:
            self._transport = None
