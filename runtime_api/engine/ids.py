"""Ids: random, and cheap enough to be made three times for each invocation."""

from __future__ import annotations

import os
import time

__all__ = ["invocation_ids", "log_stream_name", "trace_header"]


def _uuid(digits: str) -> str:
    """A version 4 UUID out of 32 random hexadecimal digits (RFC 9562)."""
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def invocation_ids() -> tuple[str, str]:
    """A request id and an invocation id."""
    digits = os.urandom(32).hex()
    return _uuid(digits[:32]), _uuid(digits[32:])


def trace_header(given: str | None) -> str:
    """The trace header for an invocation: the caller's own, or a new root that is not sampled (guide 4604)."""
    if given:
        return given
    digits = os.urandom(20).hex()
    return f"Root=1-{int(time.time()):08x}-{digits[:24]};Parent={digits[24:]};Sampled=0"


def log_stream_name(version: str) -> str:
    """The name of an execution environment's log stream: day, version, random."""
    return f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{version}]{os.urandom(16).hex()}"
