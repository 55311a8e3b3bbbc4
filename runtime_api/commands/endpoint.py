"""A running server, as the verbs that look at one reach it: over HTTP, never by its files."""

from __future__ import annotations

import os
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from .option_groups import OPTIONS, options_under
from .options import fail

if TYPE_CHECKING:
    from urllib.parse import SplitResult

__all__ = ["Answer", "Endpoint", "endpoint_option"]

VARIABLE = "AWS_ENDPOINT_URL_LAMBDA"
DEFAULT = "http://127.0.0.1:9000"
ANSWER_S = 60.0  # for an answer


class Answer(NamedTuple):
    """What a server has answered; `document` is empty when that is no JSON object."""

    status: int
    document: dict[str, Any]


class Endpoint:
    """The address of a server."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._parts = _split(self.url)

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, document: object | None = None
    ) -> Answer:
        """Send a request and return the answer; a usage error that names the address when there is none."""
        body = None if document is None else orjson.dumps(document)
        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=ANSWER_S)
        try:
            connection.request(method, self._parts.path + path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, _document(response.read()))
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            fail(f"no server answers at {self.url} ({reason}): start one with bootjack serve, or give --endpoint")
        finally:
            connection.close()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        fail(f"{url!r} is no address of a server: give http://HOST:PORT")
    return parts


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _default() -> str:
    return os.environ.get(VARIABLE) or DEFAULT


endpoint_option = options_under(OPTIONS)(
    "--endpoint",
    "url",
    metavar="URL",
    default=_default,
    show_default=f"${VARIABLE}, else {DEFAULT}",
    help="The server to ask.",
)
