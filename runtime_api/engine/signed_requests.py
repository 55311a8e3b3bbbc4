"""Requests that are made again and again without a change, kept signed for a while.

A poller with nothing to do would spend a third of its time on signatures. AWS accepts one for five minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from runtime_api.store.aws_requests import Prepared

__all__ = ["SignedRequests"]

KEPT_S = 60.0


class _Kept(NamedTuple):
    request: Prepared
    until_s: float


class SignedRequests:
    """Keeps requests by what they ask for; times are in seconds of any clock."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def get(self, key: str, now_s: float) -> Prepared | None:
        """Return a request that was signed lately; None when it has to be signed now."""
        kept = self._kept.get(key)
        return kept.request if kept is not None and now_s < kept.until_s else None

    def put(self, key: str, request: Prepared, now_s: float) -> None:
        """Keep a request, and forget those that have become too old."""
        self._kept = {name: kept for name, kept in self._kept.items() if now_s < kept.until_s}
        self._kept[key] = _Kept(request, now_s + KEPT_S)

    def forget(self, key: str) -> None:
        """Sign a request anew next time: its signature may be what is wrong with it."""
        self._kept.pop(key, None)
