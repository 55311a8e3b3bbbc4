"""Requests to function URLs, with every header line as a test wants it."""

from __future__ import annotations

import contextlib
import http.client
from typing import TYPE_CHECKING, NamedTuple

from tests.e2e.running import SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.e2e.running import Server

__all__ = ["UrlAnswer", "ask", "host_of"]


class UrlAnswer(NamedTuple):
    """An answer with its header lines in order."""

    status: int
    lines: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        """Return the values of a header, one for each line."""
        return [value for each, value in self.lines if each.lower() == name]


def host_of(url: str) -> str:
    """Return the host and port of a URL."""
    return url.split("/")[2]


def ask(
    server: Server,
    host: str,
    method: str = "GET",
    target: str = "/",
    lines: Sequence[tuple[str, str]] = (),
    body: bytes | None = None,
) -> UrlAnswer:
    """Send a request on a new connection; a body without Content-Length among the lines gets one."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)) as connection:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", host)
        for name, value in lines:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return UrlAnswer(answer.status, answer.getheaders(), answer.read())
