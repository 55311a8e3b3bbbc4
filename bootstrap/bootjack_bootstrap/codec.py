"""JSON and Python values, as AWS's own Python runtime has it, and quicker once payloads are large.

orjson is imported when the first large payload is met, if it is there; the import costs more than small payloads can
gain. It must not change what a handler sees or a caller gets, so where it would, `json` does it (integers of more
than 64 bits, NaN, whatever it refuses).
"""

from __future__ import annotations

import marshal
import sys

from .faults import ErrorType, Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["JSON_TYPE", "marshal_result", "prepare", "set_json_default", "unmarshal_event"]

JSON_TYPE = "application/json"
BYTES_TYPE = "application/unknown"  # what AWS's runtime says of bytes
LARGE_BYTES = 32_768  # from here on orjson gains more than its import costs
_DIGITS = bytes(48 if 48 <= code <= 57 else 32 for code in range(256))
# A double that is NaN or infinite stands behind a letter g (which may carry a flag), and ends, little endian, in a
# byte from F0 on and one of these. One byte is looked for at a time, which is ten times as quick as two; where it is
# met too often, `json` is as quick.
_DOUBLE, _BEFORE_LAST, _LAST = b"\x67\xe7", 0xF0, (b"\x7f", b"\xff")
_MOST_LOOKS = 20_000


class _Fast:
    """orjson, once it is worth it: None before, False where there is none."""

    module: Any = None


_default: Callable[[Any], Any] | None = None


def set_json_default(function: Callable[[Any], Any] | None) -> None:
    """What a handler returns and JSON cannot say is given to `function`, which returns something that it can."""
    global _default
    _default = function


def prepare() -> None:
    """Import what the first event needs; to be called while there is nothing else to do."""
    import json  # noqa: F401


def unmarshal_event(body: bytes | bytearray, content_type: str) -> Any:
    """The event of a handler: JSON's value, or the bytes when they are said to be something else."""
    if content_type and content_type != JSON_TYPE and not _is_json(content_type):
        return bytes(body)
    if len(body) >= LARGE_BYTES:
        orjson = _Fast.module if _Fast.module is not None else _look_for_orjson()
        if orjson and not _has_long_numbers(body):
            try:
                return orjson.loads(body)
            except orjson.JSONDecodeError:
                pass  # lone surrogates, NaN, nesting: `json` judges
    import json

    try:
        return json.loads(str(body, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise Fault(ErrorType.UNMARSHAL_ERROR, f"Unable to unmarshal input: {error}") from None


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == JSON_TYPE


def _has_long_numbers(body: bytes | bytearray) -> bool:
    """Whether there may be an integer of more than 64 bits, which orjson would make a float of.

    19 digits in a row have at least 4 in a row of every fourth byte: a look at those spares the look at the others.
    """
    if body[::4].translate(_DIGITS).find(b"0000") < 0:
        return False
    return body.translate(_DIGITS).find(b"0" * 19) >= 0


def _look_for_orjson() -> Any:
    """orjson, or False. Under -S it is looked for beside this package, too: there is where it was installed."""
    path = list(sys.path)
    home = __file__.rpartition("/")[0].rpartition("/")[0]
    try:
        sys.path.append(home)
        import orjson  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        _Fast.module = False
    else:
        _Fast.module = orjson
    finally:
        sys.path[:] = path
    return _Fast.module


def marshal_result(result: Any) -> tuple[bytes, str]:
    """The bytes and content type of what a handler returned; a Fault when JSON cannot say it."""
    if isinstance(result, (bytes, bytearray, memoryview)):
        return bytes(result), BYTES_TYPE
    try:
        # orjson would not ask a function's own `default` about what it knows itself (enums, UUIDs).
        fast = _Fast.module and _default is None and _fast_json(result)
        return fast or _encode(result), JSON_TYPE
    except Exception as error:
        raise Fault(ErrorType.MARSHAL_ERROR, f"Unable to marshal response: {error}") from error


def _fast_json(result: Any) -> bytes | None:
    """What orjson makes of it; None where that would not be what `json` makes of it."""
    orjson = _Fast.module
    options = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
    try:
        text: bytes = orjson.dumps(result, default=_plain, option=options)
    except (TypeError, ValueError):
        return None
    return None if b"null" in text and _may_have_nan(result) else text


def _may_have_nan(result: Any) -> bool:
    """Whether a float in there is NaN or infinite, which orjson would write as null.

    `marshal` writes floats as they are in memory, and what it cannot write is left to `json`.
    """
    written = _in_memory(result)
    return not written or any(_ends_in(written, last) for last in _LAST)


def _in_memory(result: Any) -> bytes:
    """What `marshal` writes, which knows none but the built-in types themselves; nothing when it meets others."""
    try:
        return marshal.dumps(result)
    except ValueError:
        return b""


def _ends_in(written: bytes, last: bytes) -> bool:
    at = written.find(last)
    for _ in range(_MOST_LOOKS):
        if at < 0:
            return False
        if written[at - 1] >= _BEFORE_LAST and at >= 8 and written[at - 8] in _DOUBLE:
            return True
        at = written.find(last, at + 1)
    return True


def _encode(result: Any) -> bytes:
    """As `json` writes it, with AWS's additions and ours; text stays text unless UTF-8 has no bytes for it."""
    write = _write_known if _in_memory(result) else _write_any
    try:
        return write(result, False).encode()
    except UnicodeEncodeError:
        return write(result, True).encode()


def _write_known(result: Any, escaped: bool) -> str:
    """JSON of the built-in types, by an encoder that is made once."""
    encode = _encoders.get(escaped)
    if encode is None:
        import json

        encode = _encoders[escaped] = json.JSONEncoder(ensure_ascii=escaped, default=_plain).encode
    return encode(result)


_encoders: dict[bool, Callable[[Any], str]] = {}


def _write_any(result: Any, escaped: bool) -> str:
    """JSON of whatever there is something to be said of."""
    import json

    numbers: list[str] = []

    def default(value: Any) -> Any:
        if type(value).__name__ == "Decimal" and hasattr(value, "is_nan"):
            if value.is_nan():
                return float("nan")
            numbers.append(str(value))
            return f"{_mark()}{len(numbers) - 1};"
        return _with_objects(_plain(value))

    text = json.dumps(_with_objects(result), default=default, ensure_ascii=escaped)
    return _with_numbers(text, numbers) if numbers else text


def _with_objects(value: Any) -> Any:
    """The same with objects for named tuples, as in AWS's own runtime: `json` makes arrays of them, unasked."""
    if isinstance(value, dict):
        return {key: _with_objects(inner) for key, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _with_objects(value._asdict())
    if isinstance(value, (list, tuple)):
        return [_with_objects(inner) for inner in value]
    return value


def _with_numbers(text: str, numbers: list[str]) -> str:
    """Put the decimals, digit for digit, where their marks are."""
    import re

    return re.sub(f'"{_mark()}([0-9]+);"', lambda found: numbers[int(found[1])], text)


def _mark() -> str:
    """What stands for a decimal until the text is there; no function can know it, so none can mean it."""
    global _random_mark
    if not _random_mark:
        import os

        _random_mark = f"decimal-{os.urandom(16).hex()}-"
    return _random_mark


_random_mark = ""


def _plain(value: Any) -> Any:
    """What JSON can say of a value that it does not know; TypeError when there is nothing."""
    if _default is not None:
        return _default(value)
    kind = type(value)
    if isinstance(value, tuple):
        return value._asdict() if hasattr(value, "_asdict") else list(value)
    if kind is bytes:
        return value.decode()
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in kind.__dataclass_fields__}
    origin = kind.__module__
    if origin == "datetime" and hasattr(value, "isoformat"):
        return value.isoformat()
    if origin == "uuid" and kind.__name__ == "UUID":
        return str(value)
    if "enum" in sys.modules and isinstance(value, sys.modules["enum"].Enum):
        return value.value
    raise TypeError(f"Object of type {kind.__name__} is not JSON serializable")
