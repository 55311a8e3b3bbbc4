"""What the kit observes of a bootstrap: a call of the Runtime API, or the end of the process."""

from __future__ import annotations

import asyncio
import re

from runtime_api.conformance.matching import shown

__all__ = ["Call", "ProcessExit", "kind_of"]

KINDS = (
    ("next", "GET", r"/2018-06-01/runtime/invocation/next"),
    ("response", "POST", r"/2018-06-01/runtime/invocation/[^/?]+/response"),
    ("error", "POST", r"/2018-06-01/runtime/invocation/[^/?]+/error"),
    ("init_error", "POST", r"/2018-06-01/runtime/init/error"),
    ("restore_next", "GET", r"/2018-06-01/runtime/restore/next"),
    ("restore_error", "POST", r"/2018-06-01/runtime/restore/error"),
    ("register", "POST", r"/2020-01-01/extension/register"),
    ("extension_next", "GET", r"/2020-01-01/extension/event/next"),
)


SIGNALLED = 128  # added to a signal, the exit code of a process whose child it ended: a shell, bubblewrap
MOST_SIGNALS = 64


class Call:
    """One request of the bootstrap."""

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        connection: int,
        method: str,
        path: str,
        kind: str,
        head: str,
        headers: tuple[tuple[str, str], ...],
        body: bytes,
    ) -> None:
        self.writer = writer
        self.connection = connection  # its number, from 1
        self.method = method
        self.path = path
        self.kind = kind
        self.head = head
        self.headers = headers
        self.body = body
        self.chunks: list[bytes] = []
        self.trailers: tuple[tuple[str, str], ...] = ()
        self.answered = asyncio.Event()

    def __str__(self) -> str:
        body = self.body[:300].decode("utf-8", "backslashreplace")
        if self.kind == "malformed":
            return f"a request that is not HTTP: {self.method} {self.path} {shown(self.head[:200])}"
        return f"{self.method} {self.path}" + (f" with {body}" if body else "")

    @property
    def request_id(self) -> str:
        """The request id in the path."""
        found = re.search(r"/invocation/([^/]+)/", self.path)
        return found[1] if found else ""

    @property
    def wants_continue(self) -> bool:
        """Whether the bootstrap waits for an interim answer before it sends the body."""
        return (self.header("expect") or "").lower() == "100-continue"

    def header(self, name: str) -> str | None:
        """The value of a header; None when it is missing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def last(self) -> bool:
        """Whether the client wants its connection closed behind the answer (RFC 9112, 9.6)."""
        tokens = (self.header("Connection") or "").lower().split(",")
        return "close" in map(str.strip, tokens)

    def trailer(self, name: str) -> str | None:
        """The value of a trailer; None when it is missing."""
        return next((value for key, value in self.trailers if key.lower() == name.lower()), None)


class ProcessExit:
    """The end of the process."""

    kind = "exit"

    def __init__(self, code: int | None, signal: int | None) -> None:
        self.code = code
        self.signal = signal

    def __str__(self) -> str:
        how = f"with signal {self.signal}" if self.signal else f"with exit code {self.code}"
        if self.code is not None and SIGNALLED < self.code <= SIGNALLED + MOST_SIGNALS:
            how += f", which stands for signal {self.code - SIGNALLED}"
        return f"the process ended {how}"


def kind_of(method: str, path: str) -> str:
    """The kind of a call; "unknown" when the Runtime API has no such call."""
    for kind, verb, pattern in KINDS:
        if method == verb and re.fullmatch(pattern, path):
            return kind
    return "unknown"
