"""Random ids, cheap enough to make three for each invocation. They identify; they are no secrets."""

from __future__ import annotations

import random
import time
from itertools import count

__all__ = ["invocation_id", "log_stream_name", "trace_header", "uuid4"]


# Seeded by the operating system; `uuid.uuid4` asks it for each id, a system call.
_bits = random.Random().getrandbits

_UUID_FIXED = ~((0xF << 76) | (0x3 << 62))
_UUID_VERSION_4 = (0x4 << 76) | (0x2 << 62)


def uuid4() -> str:
    """Return a random UUID (RFC 9562, version 4)."""
    digits = f"{_bits(128) & _UUID_FIXED | _UUID_VERSION_4:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_deliveries = count(1)
_RUN = uuid4()[:24]


def invocation_id() -> str:
    """Return an id in the form of a UUID that no other delivery has: this run's random part, and a number."""
    return f"{_RUN}{next(_deliveries):012x}"


def trace_header(given: str | None) -> str:
    """Return the trace header of an invocation: the caller's own, or a new root that is not sampled (guide 4604)."""
    if given:
        return given
    return f"Root=1-{int(time.time()):08x}-{_bits(96):024x};Parent={_bits(64):016x};Sampled=0"


def log_stream_name(version: str, function: str = "") -> str:
    """Return the name of an execution environment's log stream: day, version, random part.

    In a group that functions may share, the function stands before the version.
    """
    return f"{time.strftime('%Y/%m/%d', time.gmtime())}/{function}[{version}]{_bits(128):032x}"
