"""The end of a connection that writes: to one peer, through its transport."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, cast

from runtime_api.web.replies import reply_head

from .unread import unread_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runtime_api.web.replies import PlainReply

    from .outbox import Outbox

__all__ = ["STAMPS", "Peer"]

STAMPS = itertools.count()


class Peer(asyncio.Protocol):
    """A peer that is connected, and what is written to it.

    `stamp` orders the connections of all listeners by the reply that each got last, or by when it was made.
    `kept`: the peer has shown that it is the runtime of this port, so it may wait as long as it likes.
    """

    def __init__(self, outbox: Outbox, made: Callable[[Any], None], lost: Callable[[Any], None]) -> None:
        self.stamp = next(STAMPS)
        self.kept = False
        self._outbox = outbox
        self._unsent = b""  # while it is in the outbox
        self._made, self._lost = made, lost
        self._transport: asyncio.Transport | None = None
        self._writable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transport is not a subclass
        self._made(self)

    @property
    def descriptor(self) -> int:
        """The number of the socket's descriptor, -1 without one."""
        socket = None if self._transport is None else self._transport.get_extra_info("socket")
        return -1 if socket is None else int(socket.fileno())

    @property
    def peer_host(self) -> str:
        """The IP address of the peer."""
        name = None if self._transport is None else self._transport.get_extra_info("peername")
        return str(name[0]) if name else ""

    @property
    def _is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def _unread_bytes(self) -> int:
        """How much of what was written the peer has not taken."""
        return 0 if self._transport is None else unread_bytes(self._transport)

    def flush(self) -> None:
        """Write what is in the outbox."""
        unsent, self._unsent = self._unsent, b""
        if unsent and self._transport is not None:
            self._transport.write(unsent)

    def finish(self) -> None:
        """Close the connection as soon as what was written has been sent."""
        if self._transport is not None:
            self.flush()
            self._transport.close()

    def abort(self) -> None:
        """Close the connection now, answered or not."""
        if self._transport is not None:
            self._transport.abort()

    def turn_away(self, reply: PlainReply) -> None:
        """Say why this peer is not served, and close the connection."""
        self._write_plain(reply)
        self.finish()

    def _write_plain(self, reply: PlainReply) -> None:
        """Write the last reply of this connection."""
        self._write_now(reply_head(reply.status, reply.headers, len(reply.body), True) + reply.body)

    def _write_now(self, data: bytes) -> None:
        self.flush()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
