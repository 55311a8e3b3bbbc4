"""What a generator gives becomes a streamed response (spec 3.6)."""

from __future__ import annotations

from .faults import ErrorType, Fault, error_type_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

__all__ = ["STREAM_HEADERS", "HttpResponse", "error_trailers", "opening", "piece"]

STREAM_TYPE = "application/octet-stream"
HTTP_TYPE = "application/vnd.awslambda.http-integration-response"
PRELUDE_END = b"\0" * 8
ERROR_TYPE, ERROR_BODY = "Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"
STREAM_HEADERS = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Trailer": f"{ERROR_TYPE}, {ERROR_BODY}"}


class HttpResponse:
    """Status, headers and cookies of an HTTP response: what a generator behind a function URL gives first."""

    def __init__(
        self, status_code: int = 200, headers: Mapping[str, str] | None = None, cookies: Sequence[str] = ()
    ) -> None:
        self.status_code = status_code
        self.headers = dict(headers or {})
        self.cookies = list(cookies)

    def prelude(self) -> bytes:
        """The bytes that stand before the body."""
        import json

        head: dict[str, Any] = {"statusCode": self.status_code, "headers": self.headers}
        if self.cookies:
            head["cookies"] = self.cookies
        return json.dumps(head).encode() + PRELUDE_END


def opening(first: Any) -> tuple[str, bytes]:
    """The content type of a response that begins with this, and its first bytes."""
    if isinstance(first, HttpResponse):
        return HTTP_TYPE, first.prelude()
    return STREAM_TYPE, b"" if first is None else piece(first)


def piece(item: Any) -> bytes:
    """The bytes of one thing that a generator gave."""
    if isinstance(item, str):
        return item.encode("utf-8", "surrogatepass")
    if isinstance(item, (bytes, bytearray, memoryview)):
        return bytes(item)
    message = f"Unable to marshal response: a stream is made of bytes and str, not of {type(item).__name__}"
    raise Fault(ErrorType.MARSHAL_ERROR, message)


def error_trailers(document: Mapping[str, Any], body: bytes) -> dict[str, str]:
    """What stands behind a response that failed midway."""
    import binascii

    encoded = binascii.b2a_base64(body, newline=False).decode()
    return {ERROR_TYPE: error_type_header(document["errorType"]), ERROR_BODY: encoded}
