"""What a server asks of the code that answers its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .exchange import Exchange

__all__ = ["Handler"]


class Handler(Protocol):
    """Answers requests by `Exchange.reply`, at once or later; there is no need to after `truncated` or `dropped`."""

    body_bytes: int  # the limit for a request's body

    def started(self, exchange: Exchange) -> None:
        """The head is here and the body is on its way; not called when both arrived together."""

    def received(self, exchange: Exchange, piece: bytes) -> None:
        """A piece of the body is here; only if `started` has said that it is taken in pieces."""

    def finished(self, exchange: Exchange) -> None:
        """The whole request is here; of a body taken in pieces, the rest."""

    def overflowed(self, exchange: Exchange) -> None:
        """The body is over the limit; it is not kept, unless it arrived together with the head."""

    def truncated(self, exchange: Exchange) -> None:
        """The peer ended or garbled the body midway; it may still read a reply."""

    def half_closed(self, exchange: Exchange) -> bool:
        """The peer sends nothing more; return whether it still gets an answer."""

    def dropped(self, exchange: Exchange) -> None:
        """The peer disconnected before it got a reply."""
