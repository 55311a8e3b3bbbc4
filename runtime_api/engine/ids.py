"""Ids, cheap enough to make three for each invocation. They identify; they are no secrets.

Each is made of a counter, which makes it differ from all others of this run, and of bits that were taken at random
when the run began, which make it differ from those of other runs and processes. The counter begins anywhere, and
scrambled it comes first as well, so that two ids in a row are easily told apart by eye.
"""

from __future__ import annotations

import random
import time
from itertools import count

__all__ = ["invocation_id", "log_stream_name", "new_ids", "trace_header", "uuid4"]

_bits = random.Random().getrandbits  # seeded by the operating system
_numbers = count(_bits(47))  # twelve digits, for 140 trillion ids from wherever it begins
_ODD = 0x9E3779B1  # times this, modulo 2**32, 2**32 numbers in a row become as many others

_UUID_FIXED = ~((0xF << 76) | (0x3 << 62))
_UUID_VERSION_4 = (0x4 << 76) | (0x2 << 62)


def _random_uuid() -> str:
    """Return a random UUID (RFC 9562, version 4)."""
    digits = f"{_bits(128) & _UUID_FIXED | _UUID_VERSION_4:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_GROUPS = _random_uuid()[8:24]  # the three in the middle, with their hyphens
_DELIVERY = _random_uuid()[:24]
_ROOT = f"{_bits(48):012x}"
_PARENT = f"{_bits(32):08x}"


def new_ids() -> tuple[str, str, str]:
    """Return a request id, a delivery's id and a trace header, made of one number.

    The first has the form of a random UUID (RFC 9562, version 4), the second of any UUID; the trace begins here and
    is not sampled (guide 4604).
    """
    number = next(_numbers)
    # A third of the time of a format, of which an invocation would need four.
    digits, first = number.to_bytes(6, "big").hex(), (number * _ODD & 0xFFFFFFFF).to_bytes(4, "big").hex()
    root = f"Root=1-{int(time.time()).to_bytes(4, 'big').hex()}-{_ROOT}{digits}"
    return f"{first}{_GROUPS}{digits}", _DELIVERY + digits, f"{root};Parent={first}{_PARENT};Sampled=0"


def uuid4() -> str:
    """Return an id in the form of a random UUID (RFC 9562, version 4)."""
    return new_ids()[0]


def invocation_id() -> str:
    """Return an id in the form of a UUID that no other delivery has."""
    return new_ids()[1]


def trace_header(given: str | None) -> str:
    """Return the trace header of an invocation: the caller's own, or a new root that is not sampled."""
    return given or new_ids()[2]


def log_stream_name(version: str, function: str = "") -> str:
    """Return the name of an execution environment's log stream: day, version, random part.

    In a group that functions may share, the function stands before the version.
    """
    return f"{time.strftime('%Y/%m/%d', time.gmtime())}/{function}[{version}]{_bits(128):032x}"
