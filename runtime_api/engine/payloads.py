"""What counts as JSON where a caller hands it over: a payload, and the client context beside it."""

from __future__ import annotations

import base64
import json
from codecs import utf_8_decode
from typing import Any

import msgspec

from runtime_api.service.errors import InvalidRequestContentException

from .json_faults import utf8_fault

__all__ = ["check_json", "decode_client_context", "need_bytes"]

PIECE_BYTES = 65_536
_scan = msgspec.json.Decoder(msgspec.Raw).decode


def need_bytes(payload: object) -> None:
    """Raise TypeError when what a Python program hands over as a payload is no bytes."""
    if not isinstance(payload, bytes):
        kind = type(payload).__name__
        raise TypeError(f"a payload is JSON as bytes, not {kind}: give json.dumps(event).encode()")


def check_json(payload: bytes) -> None:
    """Raise InvalidRequestContentException when the payload is not JSON in UTF-8.

    msgspec checks first, because it makes no objects: 5 MB of records take it 5 ms and a parser 100. It does not look
    at UTF-8, and refuses some JSON (a lone surrogate), so `json` checks again what msgspec refuses.
    """
    try:
        if not payload.isascii():
            _check_utf8(payload)
        _scan(payload)
    except UnicodeDecodeError as error:
        fault = utf8_fault(payload, error.start, error.end)
        raise _not_json(fault, f"The payload is not UTF-8 at byte {error.start}") from None
    except (msgspec.DecodeError, RecursionError):
        try:
            json.loads(payload.decode(), parse_int=str, parse_float=str, parse_constant=_no_constant)
        except RecursionError:
            raise _not_json("nested too deeply") from None
        except ValueError as error:
            raise _not_json(str(error)) from None


def _check_utf8(payload: bytes) -> None:
    """Raise UnicodeDecodeError unless this is UTF-8; piece by piece, for the text of 5 MB has to be allocated."""
    view, at = memoryview(payload), 0
    while at < len(payload):
        piece = view[at : at + PIECE_BYTES]
        is_last = at + len(piece) == len(payload)
        try:
            at += utf_8_decode(piece, "strict", is_last)[1]
        except UnicodeDecodeError as error:
            raise UnicodeDecodeError("utf-8", payload, at + error.start, at + error.end, error.reason) from None


def decode_client_context(given: str, most_bytes: int) -> str:
    """Return the JSON object inside X-Amz-Client-Context, or raise InvalidRequestContentException."""
    if len(given) > most_bytes:
        raise InvalidRequestContentException(f"Client context is larger than {most_bytes} bytes")
    try:
        text = base64.b64decode(given, validate=True).decode()
        check_json(text.encode())
        if not text.lstrip().startswith("{"):
            raise InvalidRequestContentException(text)
    except (ValueError, InvalidRequestContentException):  # a ValueError: not ASCII, not base64, not UTF-8
        raise InvalidRequestContentException("Client context must be a valid Base64-encoded JSON object") from None
    return text


def _not_json(reason: str, *known: str) -> InvalidRequestContentException:
    return InvalidRequestContentException(f"Could not parse request body into json: {reason}", known=known)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
