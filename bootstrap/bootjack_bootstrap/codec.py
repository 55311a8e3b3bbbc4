"""Reads events and writes results as JSON, as AWS's own Python runtime does; docs/bootstrap.md lists the differences.

`json` does the work until the first large event. Then `quick_json` takes over, if orjson can be imported.
"""

from __future__ import annotations

import marshal

from .faults import ErrorType, Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["JSON_TYPE", "marshal_result", "prepare", "unmarshal_event"]

JSON_TYPE = "application/json"
BYTES_TYPE = "application/unknown"  # the label that AWS's runtime gives to bytes
LARGE_BYTES = 32_768  # from here on orjson gains more than the 20 ms that its import costs


class Quick:
    """The functions of `quick_json`, once a large event has made it worth a look."""

    was_tried = False
    loads: Callable[[bytes | bytearray], Any] | None = None
    dumps: Callable[[Any], bytes | None] | None = None

    @classmethod
    def load(cls) -> None:
        """Import `quick_json`; there may be no orjson, or another module of that name in the function."""
        if cls.was_tried:
            return
        try:
            from .quick_json import dumps, loads
        except Exception:
            pass
        else:
            cls.loads, cls.dumps = loads, dumps
        cls.was_tried = True


def prepare() -> None:
    """Import what the first event needs, while there is nothing else to do."""
    import json  # noqa: F401


def unmarshal_event(body: bytes | bytearray, content_type: str) -> Any:
    """The event for the handler: a JSON value, or the bytes if the content type is another."""
    if content_type and content_type != JSON_TYPE and not _is_json(content_type):
        return bytes(body)
    if len(body) >= LARGE_BYTES:
        Quick.load()
        if Quick.loads is not None:
            try:
                return Quick.loads(body)
            except ValueError:
                pass  # `json` decides
    import json

    try:
        return json.loads(str(body, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise Fault(ErrorType.UNMARSHAL_ERROR, f"Unable to unmarshal input: {error}") from None


def marshal_result(result: Any) -> tuple[bytes, str]:
    """The bytes and the content type of a handler's result; a Fault if there is no JSON for it."""
    if isinstance(result, (bytes, bytearray, memoryview)):
        return bytes(result), BYTES_TYPE
    try:
        text = Quick.dumps(result) if Quick.dumps is not None else None
        return text or _encode(result), JSON_TYPE
    except Exception as error:
        raise Fault(ErrorType.MARSHAL_ERROR, f"Unable to marshal response: {error}") from error


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == JSON_TYPE


def _encode(result: Any) -> bytes:
    """Write a result as `json` does, with AWS's additions and ours.

    Letters are not escaped: Japanese would be twice as long. They all are if there is a lone surrogate, for which
    UTF-8 has no bytes.
    """
    write = _write_built_in if _is_built_in(result) else _write_any
    try:
        return write(result, False).encode()
    except UnicodeEncodeError:
        return write(result, True).encode()


def _is_built_in(value: Any) -> bool:
    """Whether there are only values of built-in types in it: `marshal` knows no others."""
    try:
        marshal.dumps(value)
    except ValueError:
        return False
    return True


def _write_built_in(result: Any, is_ascii: bool) -> str:
    """JSON by an encoder that is made once."""
    encode = _encoders.get(is_ascii)
    if encode is None:
        import json

        encode = _encoders[is_ascii] = json.JSONEncoder(ensure_ascii=is_ascii, default=_plain).encode
    return encode(result)


_encoders: dict[bool, Callable[[Any], str]] = {}


def _plain(value: Any) -> Any:
    from .values import plain

    return plain(value)


def _write_any(result: Any, is_ascii: bool) -> str:
    from .values import write

    return write(result, is_ascii)
