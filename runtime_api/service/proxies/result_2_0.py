"""The HTTP answer that a function's result stands for: payload format 2.0.

A document with a `statusCode` spells the answer out. Anything else is the body of an answer with status 200. A stream
for HTTP spells the head out in its prelude, also where it was joined because its caller does not stream.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any

from msgspec import DecodeError
from msgspec import json as msgspec_json

from runtime_api.protocol.streaming import OCTETS, split_prelude

from .messages import HttpAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runtime_api.protocol.streaming import Prelude

__all__ = ["FAILED", "answer", "prelude_answer"]

JSON = ("Content-Type", "application/json")
FAILED = HttpAnswer(502, (JSON,), b"Internal Server Error")  # of a function that fails, or gives no HTTP answer
_FIRST_STATUS, _LAST_STATUS = 200, 599
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token (RFC 9110 5.6.2)
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
# What the service says itself; a function's own word is passed on under another name.
_REMAPPED = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "upgrade"}
)


class _NoAnswerError(Exception):
    """The result spells out something that HTTP does not have."""


def answer(payload: bytes) -> HttpAnswer:
    """Return the answer for a function's result."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return _joined(payload)
    if isinstance(document, str):
        return HttpAnswer(200, (JSON,), _bytes(document))
    if not isinstance(document, dict) or "statusCode" not in document:
        return HttpAnswer(200, (JSON,), _compact(payload))
    try:
        return _spelled_out(document)
    except _NoAnswerError:
        return FAILED


def prelude_answer(prelude: Prelude) -> HttpAnswer:
    """Return the answer that a stream begins with; its body is what has come of that."""
    try:
        document = json.loads(prelude.document)
        if not isinstance(document, dict):
            raise _NoAnswerError
        head = _spelled_out({"statusCode": 200, **document, "body": None})
    except (ValueError, RecursionError, _NoAnswerError):
        return FAILED
    return head._replace(body=prelude.rest)


def _joined(payload: bytes) -> HttpAnswer:
    """The answer of a stream whose caller reads none: by its prelude, or else it is just bytes."""
    prelude = split_prelude(payload)
    found = FAILED if prelude is None else prelude_answer(prelude)
    return HttpAnswer(200, (("Content-Type", OCTETS),), payload) if found is FAILED else found


def _spelled_out(document: Mapping[str, Any]) -> HttpAnswer:
    fields = dict(_fields(document.get("headers") or {}))
    fields.setdefault("content-type", JSON)
    cookies = document.get("cookies") or []
    if not isinstance(cookies, list):
        raise _NoAnswerError
    lines = [("Set-Cookie", _value(cookie)) for cookie in cookies]
    return HttpAnswer(_status(document["statusCode"]), (*fields.values(), *lines), _body(document))


def _status(given: Any) -> int:
    if isinstance(given, str) and given.isascii() and given.isdecimal():
        given = int(given[:4])
    if type(given) is not int or not _FIRST_STATUS <= given <= _LAST_STATUS:
        raise _NoAnswerError
    return given


def _fields(headers: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each header by its name in lower case: of two spellings of a name the last counts."""
    if not isinstance(headers, dict):
        raise _NoAnswerError
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise _NoAnswerError
        if value is not None:
            shown = f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name
            yield name.lower(), (shown, _value(value))


def _value(given: Any) -> str:
    """A header's value: text, or what JSON has as a number or a truth value."""
    if isinstance(given, dict | list) or given is None:
        raise _NoAnswerError
    text = given if isinstance(given, str) else json.dumps(given)
    if not _VALUE.fullmatch(text):
        raise _NoAnswerError
    return _bytes(text).decode()


def _body(document: Mapping[str, Any]) -> bytes:
    given = document.get("body")
    if given is None:
        return b""
    if not isinstance(given, str):
        return _bytes(json.dumps(given, ensure_ascii=False, separators=(",", ":")))
    if not document.get("isBase64Encoded"):
        return _bytes(given)
    try:
        return base64.b64decode(given)
    except (binascii.Error, ValueError):
        raise _NoAnswerError from None


def _compact(payload: bytes) -> bytes:
    """The same JSON without white space: Lambda writes it again, in this form."""
    try:
        return msgspec_json.format(payload, indent=-1)
    except DecodeError:  # NaN, for one
        return payload


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")  # JSON can escape half of a character, which UTF-8 does not have
