"""A channel without a connection behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime_api.web.http1.exchange import Exchange

__all__ = ["NoChannel"]


class NoChannel:
    """Implements `Channel`: what is written to it goes nowhere."""

    kept = False
    peer_host = "127.0.0.1"

    def send_reply(self, exchange: Exchange, status: int, headers: str, body: bytes) -> None: ...
    def begin_reply(self, exchange: Exchange, status: int, headers: str, piece: bytes) -> None: ...
    def write_piece(self, exchange: Exchange, piece: bytes) -> None: ...
    def end_reply(self, exchange: Exchange) -> None: ...
    async def drained(self) -> None: ...
    def finish(self) -> None: ...
    def adjust_reading(self) -> None: ...
