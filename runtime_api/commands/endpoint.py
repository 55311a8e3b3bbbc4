"""A running server, as the verbs that look at one reach it: over HTTP, never by its files."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

import orjson

from .option_groups import OPTIONS, options_under
from .options import fail, give_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from http.client import HTTPResponse
    from urllib.parse import SplitResult

    from .signing import Signer

__all__ = ["Answer", "Endpoint", "document_of", "endpoint_option", "reason_of"]

VARIABLE = "AWS_ENDPOINT_URL_LAMBDA"
DEFAULT = "http://127.0.0.1:9000"
SERVICE = "lambda"
ANSWER_S = 60.0  # for an answer


class Answer(NamedTuple):
    """What a server has answered; `document` is empty when that is no JSON object."""

    status: int
    document: dict[str, Any]


class Endpoint:
    """The address of a server."""

    def __init__(self, url: str, signer: Signer | None = None) -> None:
        """`signer`: signs the requests; None: they say nothing of whose functions they mean."""
        self._signer = signer
        self.url = url.rstrip("/")
        self._parts = _split(self.url)

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, document: object | None = None
    ) -> Answer:
        """Send a request and return the answer; a usage error that names the address when there is none."""
        body = b"" if document is None else orjson.dumps(document)
        with self.opened(method, path, headers, body) as response:
            try:
                return Answer(response.status, document_of(response.read()))
            except (OSError, HTTPException) as error:
                self._give_up(error)

    @contextmanager
    def opened(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_s: float = ANSWER_S,
    ) -> Iterator[HTTPResponse]:
        """Send a request; the answer may be read in the block. Gives up, and names the address, where there is none.

        `timeout_s` bounds the wait for the head of the answer, and for each piece of its body.
        """
        target, headers = self._parts.path + path, dict(headers or {})
        if self._signer is not None:
            headers |= self._signer.headers(method, self._parts.netloc, target, body, SERVICE)
        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        with closing(kind(self._parts.hostname or "", self._parts.port, timeout=timeout_s)) as connection:
            try:
                connection.request(method, target, body or None, {"Host": self._parts.netloc, **headers})
                response = connection.getresponse()
            except (OSError, HTTPException) as error:
                self._give_up(error)
            yield response

    def _give_up(self, error: Exception) -> NoReturn:
        reason = reason_of(error)
        give_up(f"no server answers at {self.url} ({reason}): start one with bootjack serve, or give --endpoint")


def reason_of(error: Exception) -> str:
    """Why a server could not be asked, in a few words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        fail(f"{url!r} is no address of a server: give http://HOST:PORT")
    return parts


def document_of(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is; an empty one for anything else."""
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
