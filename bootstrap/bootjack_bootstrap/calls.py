"""The calls of the Runtime API 2018-06-01: requests as bytes, and what the responses mean."""

from __future__ import annotations

import sys

from .codec import JSON_TYPE
from .ends import RuntimeApiFailed
from .faults import error_type_header
from .http1 import request_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .http1 import Response

__all__ = ["Calls", "encoded", "event_of", "refused"]

API = "/2018-06-01/runtime"
REQUEST_ID = "lambda-runtime-aws-request-id"
INVOCATION_ID = "lambda-runtime-invocation-id"
ERROR_TYPE, ERROR_BODY = "Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"
STREAM_HEADERS = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Trailer": f"{ERROR_TYPE}, {ERROR_BODY}"}
END = "\r\n"
LARGEST_CAUSE_BYTES = 65_536  # Lambda drops a larger one (spec 3.5)
SHOWN_BYTES = 300  # of a response's body, in a message


class Calls:
    """The requests to one host, each as head and body."""

    def __init__(self, host: str) -> None:
        self._host = host
        python = ".".join(map(str, sys.version_info[:3]))
        agent = {"User-Agent": f"bootjack-python/{python}"}
        self.next = request_head("GET", f"{API}/invocation/next", host, agent, 0)
        self.restore_next = request_head("GET", f"{API}/restore/next", host, agent, 0)

    def respond(self, event: Mapping[str, str], body: bytes, content_type: str) -> tuple[bytes, bytes]:
        """The request that answers an event, given by its headers."""
        echo = event.get(INVOCATION_ID)
        head = (
            f"POST {API}/invocation/{event[REQUEST_ID]}/response HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            f"{f'Lambda-Runtime-Invocation-Id: {echo}{END}' if echo else ''}\r\n"
        )
        return head.encode("latin-1"), body

    def stream(self, event: Mapping[str, str], content_type: str) -> bytes:
        """The head of a request that answers with a stream."""
        headers = {"Content-Type": content_type, **STREAM_HEADERS, **_invocation_id(event)}
        return request_head("POST", f"{API}/invocation/{event[REQUEST_ID]}/response", self._host, headers, None)

    def fail(
        self, event: Mapping[str, str], document: Mapping[str, Any], cause: Mapping[str, Any]
    ) -> tuple[bytes, bytes]:
        """The request that reports an invocation's error."""
        headers = {ERROR_TYPE: error_type_header(document["errorType"])}
        text = encoded(cause).decode("ascii", "replace")
        if len(text) <= LARGEST_CAUSE_BYTES:
            headers["Lambda-Runtime-Function-XRay-Error-Cause"] = text
        headers.update(_invocation_id(event))
        return self._error(f"{API}/invocation/{event[REQUEST_ID]}/error", headers, document)

    def fail_init(self, document: Mapping[str, Any], error_type: str) -> tuple[bytes, bytes]:
        """The request that reports an error before the first event."""
        headers = {ERROR_TYPE: error_type_header(error_type)}
        return self._error(f"{API}/init/error", headers, document)

    def fail_restore(self, document: Mapping[str, Any], error_type: str) -> tuple[bytes, bytes]:
        """The request that reports an error after a snapshot was restored."""
        headers = {ERROR_TYPE: error_type_header(error_type)}
        return self._error(f"{API}/restore/error", headers, document)

    def _error(self, target: str, headers: Mapping[str, str], document: Mapping[str, Any]) -> tuple[bytes, bytes]:
        body = encoded(document)
        return request_head("POST", target, self._host, {"Content-Type": JSON_TYPE, **headers}, len(body)), body


def _invocation_id(event: Mapping[str, str]) -> dict[str, str]:
    given = event.get(INVOCATION_ID)
    return {"Lambda-Runtime-Invocation-Id": given} if given else {}


def encoded(document: Mapping[str, Any]) -> bytes:
    """JSON for one of our own documents; ASCII, since it goes into headers, too."""
    import json

    return json.dumps(document).encode()


def event_of(response: Response) -> tuple[dict[str, str], bytes | bytearray]:
    """The headers and the body of an event; RuntimeApiFailed if the response is not an event."""
    status, headers, body = response
    if status != 200:
        raise RuntimeApiFailed(f"GET /invocation/next was answered with {status}: {_shown(body)}")
    if not headers.get(REQUEST_ID):
        raise RuntimeApiFailed("GET /invocation/next was answered without a Lambda-Runtime-Aws-Request-Id")
    return headers, body


def refused(response: Response, what: str) -> str | None:
    """Why an answer was refused, or None if it was accepted; RuntimeApiFailed if the process cannot go on.

    It can after 400, 403 and 410 (the answer came too late, or twice) and after 413 (it is too large, which the
    platform reports to the caller).
    """
    status, _, body = response
    if 200 <= status < 300:
        return None
    message = f"{what} was refused with {status}: {_shown(body)}"
    if 400 <= status < 500:
        return message
    raise RuntimeApiFailed(message)


def _shown(body: bytes | bytearray) -> str:
    return bytes(body[:SHOWN_BYTES]).decode("utf-8", "replace").strip()
