"""Status codes, and the answers that do not depend on what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from msgspec import Struct

from runtime_api.service.operations import ErrorShape, model

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["reply_head", "streamed_head"]

OK = 200
ACCEPTED = 202
NO_CONTENT = 204
SERVER_ERROR = 500

# A status that is missing here is sent without a phrase, as RFC 9112 4 allows. The phrases of http.HTTPStatus change
# between versions of Python, 413's for one, which is Go's here.
REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class _StatusLines(dict[int, str]):
    """The first line of a reply, by its status; a phrase may be empty (RFC 9112 4)."""

    def __missing__(self, status: int) -> str:
        return f"HTTP/1.1 {status} \r\n"


STATUS_LINES = _StatusLines({status: f"HTTP/1.1 {status} {phrase}\r\n" for status, phrase in REASONS.items()})

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
BODILESS = frozenset({204, 304})  # whose replies have no body, whatever a function says
CLOSE = "Connection: close\r\n"
KEEP_ALIVE = "Connection: keep-alive\r\n"
JSON = "Content-Type: application/json\r\n"
LOGS_JSON = "Content-Type: application/x-amz-json-1.1\r\n"
PLAIN = "Content-Type: text/plain; charset=utf-8\r\n"


class PlainReply(Struct, frozen=True):
    """An answer whose body is text for a person."""

    status: int
    headers: str
    body: bytes


BAD_REQUEST = PlainReply(400, PLAIN, b"400 Bad Request: this is not HTTP/1.1\n")
BAD_VERSION = PlainReply(400, PLAIN, b"400 Bad Request: send HTTP/1.1 or HTTP/1.0\n")
BAD_HOST = PlainReply(
    400, PLAIN, b"400 Bad Request: send one Host header, such as Host: localhost:9000 (RFC 9112 3.2)\n"
)
BAD_FRAMING = PlainReply(400, PLAIN, b"400 Bad Request: the chunks are too small; send larger ones\n")
CROWDED = PlainReply(
    503, PLAIN + "Retry-After: 1\r\n", b"503 Service Unavailable: too many connections are in use; try again\n"
)
TOO_SLOW = PlainReply(408, PLAIN, b"408 Request Timeout: the request did not come in time\n")
HEAD_TOO_LARGE = PlainReply(431, PLAIN, b"431 Request Header Fields Too Large\n")
# Go's words, so that a client that was written against RIE sees nothing new (spec 1).
NOT_FOUND = PlainReply(404, PLAIN + "X-Content-Type-Options: nosniff\r\n", b"404 page not found\n")
# What extensions call in an environment that has them switched off.
SWITCHED_OFF = PlainReply(404, "", b"")
# Of the metadata and the credentials endpoint (spec 8).
UNAUTHORIZED = PlainReply(401, PLAIN, b"Unauthorized\n")
WRONG_METHOD = PlainReply(405, PLAIN + "Allow: GET\r\n", b"Method Not Allowed\n")
NO_CREDENTIALS = PlainReply(404, PLAIN, b"cannot get credentials for the provided token\n")


# The errors that Lambda's API has beyond its model; the model's own are in `service/operations.json`.
BEYOND_MODEL = {
    "AccessDeniedException": ErrorShape(403, ("Message",)),
    "IncompleteSignatureException": ErrorShape(403, ("message",)),
    "InvalidSignatureException": ErrorShape(403, ("message",)),
    "MissingAuthenticationTokenException": ErrorShape(403, ("message",)),
    "RequestEntityTooLargeException": ErrorShape(413, ("message",)),
    "NotSupportedException": ErrorShape(501, ("Message", "Type")),
    "SerializationException": ErrorShape(400, ("Type", "message")),
    "UnknownOperationException": ErrorShape(404, ("Message", "Type")),
    "UnrecognizedClientException": ErrorShape(403, ("message",)),
    "ValidationException": ErrorShape(400, ("message",)),
}


def service_reply(
    code: str, message: str, fault: str | None = "User", reason: str | None = None, known: Sequence[str] = ()
) -> PlainReply:
    """An error of Lambda's API as SDKs read it: the code in a header, the rest in JSON, spelled as Lambda does."""
    shape = BEYOND_MODEL.get(code) or model().errors[code]
    # A message may name a file, and a file's name need not be UTF-8.
    readable = message.encode(errors="replace").decode()
    values = {"Type": fault, "Message": readable, "message": readable, "Reason": reason}
    document: dict[str, Any] = {name: values[name] for name in shape.members if values.get(name)}
    if not readable:
        document[shape.message] = None
    if known:
        document["KnownHere"] = known
    return PlainReply(shape.status, f"{JSON}x-amzn-ErrorType: {code}\r\n", orjson.dumps(document))


def logs_refusal(code: str, message: str, fault: str | None) -> PlainReply:
    """An error of the CloudWatch Logs API: the code stands in the body, and a caller's mistake is always 400."""
    readable = message.encode(errors="replace").decode()
    document = {"__type": code, "message": readable}
    return PlainReply(400 if fault == "User" else 503, LOGS_JSON, orjson.dumps(document))


def foreign(message: str) -> PlainReply:
    """A request that may not come from where it comes."""
    return service_reply("AccessDeniedException", message)


def method_not_allowed(allowed: str) -> PlainReply:
    """A known path asked in a way it does not answer."""
    return PlainReply(405, f"Allow: {allowed}\r\n", b"")


def reply_head(status: int, headers: str, length: int, close: bool = False) -> bytes:
    """Status line, headers and the empty line."""
    if close:
        headers += CLOSE
    if status in BODILESS:
        return f"{STATUS_LINES[status]}{headers}\r\n".encode()
    return f"{STATUS_LINES[status]}{headers}Content-Length: {length}\r\n\r\n".encode()


def streamed_head(status: int, headers: str, *, is_chunked: bool, close: bool) -> bytes:
    """The same for a body that comes in pieces: in chunks, or else to the end of the connection."""
    coding = "Transfer-Encoding: chunked\r\n" if is_chunked else ""
    return f"{STATUS_LINES[status]}{headers}{coding}{CLOSE if close else ''}\r\n".encode()
