"""Tumbling windows: periods of arrival whose batches hand a state on to one another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from msgspec import Struct, structs

if TYPE_CHECKING:
    from .records import StreamRecord

__all__ = ["FRESH", "Window", "after_batch", "window_members", "window_start"]

FRESH = b"{}"
STATE_BYTES = 1_048_576  # AWS, "Tumbling windows": a larger state ends its window early


class Window(Struct, frozen=True):
    """A window that is open."""

    start_ms: int  # Unix time
    state: bytes = FRESH  # JSON
    ends_early: bool = False  # its state has grown too large


def window_start(record: StreamRecord, length_ms: int, opened: Window | None) -> int:
    """Return when the window of a record begins; one that comes late counts for the window that is open."""
    start_ms = int(record.arrived_ms // length_ms) * length_ms
    return start_ms if opened is None else max(start_ms, opened.start_ms)


def window_members(window: Window, length_ms: int, shard: str, stream_arn: str, *, is_final: bool) -> bytes:
    """Return what an event tells of its window, as members of its JSON object that follow others."""
    members = {
        "window": {"start": _time(window.start_ms), "end": _time(window.start_ms + length_ms)},
        "state": orjson.Fragment(window.state),
        "shardId": shard,
        "eventSourceARN": stream_arn,
        "isFinalInvokeForWindow": is_final,
        "isWindowTerminatedEarly": window.ends_early,
    }
    return b"," + orjson.dumps(members)[1:-1]


def after_batch(window: Window, response: bytes) -> Window:
    """Return the window as a function's response leaves it; a state that is too large is not taken over."""
    state = _state(response)
    if len(state) > STATE_BYTES:
        return structs.replace(window, ends_early=True)
    return structs.replace(window, state=state)


def _state(response: bytes) -> bytes:
    try:
        answer: Any = orjson.loads(response)
    except orjson.JSONDecodeError:
        return FRESH
    state = answer.get("state") if isinstance(answer, dict) else None
    return FRESH if state is None else orjson.dumps(state)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
