"""A path of an environment's port, and what answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from .http1.exchange import Exchange
    from .replies import PlainReply

__all__ = ["Route"]


class Route(NamedTuple):
    """Answers one method at one path."""

    method: bytes
    answer: Callable[[Exchange], None]
    otherwise: PlainReply | None = None  # to other methods; None: 405 without a body
