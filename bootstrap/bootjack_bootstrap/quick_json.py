"""JSON by orjson, for values of which it makes the same as `json`; callers use `json` for the others.

orjson makes floats of integers beyond 64 bits and null of NaN. So values that may have such go to `json`; looking
for them takes a seventh of the time of an event, and half of that of a result with a null in it.

orjson is imported as the handler itself would import it: from the function, a layer or the interpreter's packages. It
is never looked for where bootjack is installed, which may be the environment of another Python.
"""

from __future__ import annotations

import marshal

import orjson  # type: ignore[import-not-found, unused-ignore]

from .values import custom_default, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["dumps", "loads"]

OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
DIGITS_TO_ZEROS = bytes(48 if 48 <= code <= 57 else 32 for code in range(256))
LONG = b"0" * 19  # that many digits, or more, are in any integer of more than 64 bits
# `marshal` writes a float as a letter g (which may carry a flag) and eight bytes, little endian. Those of NaN and the
# infinities end in a byte from F0 on and one of these two. Looking for one byte is ten times as quick as for two at a
# time; if it is found too often, `json` is as quick.
FLOAT, BEFORE_LAST, LAST = b"\x67\xe7", 0xF0, (b"\x7f", b"\xff")
MOST_LOOKS = 20_000

_decode, _encode = orjson.loads, orjson.dumps


def loads(body: bytes | bytearray) -> Any:
    """The value of a JSON text; ValueError if `json` has to decide (lone surrogates, NaN, deep nesting, ...)."""
    if _has_long_numbers(body):
        raise ValueError("there may be an integer of more than 64 bits")
    return _decode(body)


def dumps(result: Any) -> bytes | None:
    """JSON for a value; None if `json` has to decide."""
    if custom_default() is not None:  # it would not be asked about enums and UUIDs, which orjson knows itself
        return None
    try:
        text: bytes = _encode(result, default=plain, option=OPTIONS)
    except (TypeError, ValueError):
        return None
    return None if b"null" in text and _may_have_nan(result) else text


def _has_long_numbers(body: bytes | bytearray) -> bool:
    """Whether there may be 19 digits in a row."""
    return body.translate(DIGITS_TO_ZEROS).find(LONG) >= 0


def _may_have_nan(result: Any) -> bool:
    """Whether a float in it may be NaN or infinite, which orjson has written as null."""
    try:
        written = marshal.dumps(result)
    except ValueError:
        return True  # there are values that `marshal` does not know
    return any(_has_float_that_ends_in(written, last) for last in LAST)


def _has_float_that_ends_in(written: bytes, last: bytes) -> bool:
    at = written.find(last)
    for _ in range(MOST_LOOKS):
        if at < 0:
            return False
        if written[at - 1] >= BEFORE_LAST and at >= 8 and written[at - 8] in FLOAT:
            return True
        at = written.find(last, at + 1)
    return True
