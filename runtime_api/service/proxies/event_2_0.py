"""The event of a function URL: payload format 2.0, also that of API Gateway's HTTP APIs.

Nothing that a client has sent gets lost: path and query are there as they were sent, and a body that is not text is
in base64. Parameters are there a second time, decoded; repeated ones are joined, and so are repeated headers.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .messages import HttpRequest

__all__ = ["Receipt", "event"]

ANONYMOUS = "anonymous"  # the account of a URL that asks nobody to sign
# What concerns one connection only (RFC 9110 7.6.1), and what the service says itself.
_LEFT_OUT = frozenset(
    {
        "connection",
        "content-length",
        "cookie",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-for",
        "x-forwarded-port",
        "x-forwarded-proto",
    }
)
_TEXT = re.compile(r"text/.+|application/(?:json|xml|javascript|.+\+(?:json|xml))", re.IGNORECASE)
_PORT = re.compile(r":([0-9]+)$")


class Receipt(NamedTuple):
    """What the service adds to a request."""

    url_id: str
    request_id: str
    trace: str  # the value of X-Amzn-Trace-Id
    unix_ms: int
    signer: Mapping[str, Any] | None = None  # who has signed the request, where somebody has to


def event(request: HttpRequest, receipt: Receipt) -> bytes:
    """Return the event as JSON."""
    document: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": _headers(request, receipt),
        "requestContext": _context(request, receipt),
    }
    cookies = [each.strip() for value in request.values("cookie") for each in value.split(";") if each.strip()]
    if cookies:
        document["cookies"] = cookies
    parameters = _joined(parse_qsl(request.query, keep_blank_values=True))
    if parameters:
        document["queryStringParameters"] = parameters
    return orjson.dumps(document | _body(request))


def _headers(request: HttpRequest, receipt: Receipt) -> dict[str, str]:
    headers = _joined((name, value) for name, value in request.fields if name not in _LEFT_OUT)
    if request.body or request.value("content-length") or request.value("transfer-encoding"):
        headers["content-length"] = str(len(request.body))
    port = _PORT.search(request.value("host") or "")
    return headers | {
        "x-amzn-trace-id": receipt.trace,
        "x-forwarded-for": request.peer,
        "x-forwarded-port": port[1] if port else "80",
        "x-forwarded-proto": "http",
    }


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The values of each name, with commas between them."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _context(request: HttpRequest, receipt: Receipt) -> dict[str, Any]:
    moment = datetime.fromtimestamp(receipt.unix_ms / 1000, UTC)
    context: dict[str, Any] = {
        "accountId": ANONYMOUS if receipt.signer is None else receipt.signer["accountId"],
        "apiId": receipt.url_id,
        "domainName": request.value("host") or "",
        "domainPrefix": receipt.url_id,
        "http": {
            "method": request.method,
            "path": _decoded(request.path),
            "protocol": "HTTP/1.1",
            "sourceIp": request.peer,
            "userAgent": request.value("user-agent") or "",
        },
        "requestId": receipt.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": receipt.unix_ms,
    }
    return context if receipt.signer is None else context | {"authorizer": {"iam": receipt.signer}}


def _decoded(path: str) -> str:
    """The path as frameworks match it with their routes; as it was sent where it does not decode to text."""
    try:
        return unquote(path, errors="strict")
    except UnicodeDecodeError:
        return path


def _body(request: HttpRequest) -> dict[str, Any]:
    """The body: as text where the type says so and the bytes do not contradict it."""
    if not request.body:
        return {"isBase64Encoded": False}
    kind = (request.value("content-type") or "").partition(";")[0].strip()
    if _TEXT.fullmatch(kind):
        try:
            return {"body": request.body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # another charset, or compressed
    return {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}
