"""One TCP connection that sends exactly the bytes of a case, and reads answers strictly.

An answer is what the server sends back over HTTP; a *response* is what a runtime posts for an invocation.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.conformance.matching import shown

if TYPE_CHECKING:
    from .puppets import Puppet

__all__ = ["FORK_LOCK", "Address", "Answer", "Connection", "Head", "MalformedAnswer", "NoAnswer"]

Address = tuple[str, int]

# Held while a process is started and while a socket is closed. A child holds copies of our sockets until its exec,
# and a socket that we close while a copy is open is not closed for the peer.
FORK_LOCK = threading.Lock()


class NoAnswer(Exception):
    """No complete answer came: the peer was `silent` until the deadline, or has `closed` the connection."""

    kinds = ("silent", "closed")

    def __init__(self, kind: str, received: bytes | bytearray) -> None:
        super().__init__(f"{kind}, after {shown(bytes(received[:200]))}")
        self.kind = kind
        self.received = bytes(received)  # the beginning of an answer


class MalformedAnswer(Exception):
    """The server sent something that is not HTTP."""


class Head(NamedTuple):
    """The head of an answer as received."""

    status: int
    headers: tuple[tuple[str, str], ...]
    reason: str


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as received."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    reason: str = ""
    chunks: int = 0  # in which the body came; 0 for a body with a length

    def header(self, name: str) -> str | None:
        """The value of a header that may occur only once; None when it is missing."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        if len(values) > 1:
            raise MalformedAnswer(f"header {name} occurs {len(values)} times: {shown(values)}")
        return values[0] if values else None


class Connection:
    """A client socket; every wait has a deadline."""

    def __init__(self, address: Address, puppet: Puppet | None = None) -> None:
        """Connect, from a process that the server has started if there is one."""
        made = puppet.connect(*address) if puppet is not None else None
        self._puppet = puppet if made is not None else None
        self._socket, self._copy = made or (socket.create_connection(address, timeout=5), 0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._received = bytearray()
        self._open = True
        self._deadline = 0.0
        self._counted = 0  # chunks of the present body
        self.sent_at = time.time()
        self.method = "GET"

    def send(self, data: bytes, timeout_s: float = 10) -> None:
        """Write everything, and read meanwhile: a server may answer or hang up before it has read all of it."""
        deadline = time.monotonic() + timeout_s
        left = memoryview(data)
        self.sent_at = time.time()
        while left:
            readers = [self._socket] if self._open else []
            readable, writable, _ = select.select(readers, [self._socket], [], deadline - time.monotonic())
            if not readable and not writable:
                raise NoAnswer("silent", self._received)
            if readable:
                self._receive()
            if writable:
                try:
                    left = left[self._socket.send(left[: 1 << 20]) :]
                except (BrokenPipeError, ConnectionResetError):
                    return

    def answer(self, timeout_s: float) -> Answer:
        """The next complete answer; informational ones before it are skipped."""
        self._deadline = time.monotonic() + timeout_s
        head = self._head()
        while head.status < 200:
            head = self._head()
        self._counted = 0
        body = self._body(head.status, head.headers)
        return Answer(head.status, head.headers, body, head.reason, self._counted)

    def interim(self, timeout_s: float) -> Head:
        """The head of an answer, without its body: that of one informational answer, for instance."""
        self._deadline = time.monotonic() + timeout_s
        return self._head()

    def finish_sending(self) -> None:
        """Close only the sending direction."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close in both directions."""
        with FORK_LOCK:
            self._socket.close()
        if self._puppet is not None:
            self._puppet.let_go(self._copy)
            self._puppet = None

    def fileno(self) -> int:
        """The descriptor, for `select`."""
        return self._socket.fileno()

    def _receive(self) -> None:
        try:
            data = self._socket.recv(1 << 20)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        self._open = bool(data)
        self._received += data

    def _wait(self) -> None:
        if not self._open:
            raise NoAnswer("closed", self._received)
        left = self._deadline - time.monotonic()
        if left <= 0 or not select.select([self._socket], [], [], left)[0]:
            raise NoAnswer("silent", self._received)
        self._receive()

    def _line(self) -> str:
        while b"\r\n" not in self._received:
            self._wait()
        line, _, rest = self._received.partition(b"\r\n")
        self._received = bytearray(rest)
        return line.decode("latin-1")

    def _bytes(self, count: int) -> bytes:
        while len(self._received) < count:
            self._wait()
        data = bytes(self._received[:count])
        del self._received[:count]
        return data

    def _head(self) -> Head:
        version, status, reason, *_ = [*self._line().split(" ", 2), "", ""]
        if version not in ("HTTP/1.1", "HTTP/1.0"):
            raise MalformedAnswer(f"not a status line: {shown(version)}")
        headers = []
        while line := self._line():
            name, colon, value = line.partition(":")
            if not colon or name != name.strip():
                raise MalformedAnswer(f"not a header line: {shown(line)}")
            headers.append((name, value.strip()))
        if not status.isdigit():
            raise MalformedAnswer(f"not a status code: {shown(status)}")
        return Head(int(status), tuple(headers), reason)

    def _body(self, status: int, headers: tuple[tuple[str, str], ...]) -> bytes:
        fields = {name.lower(): value for name, value in headers}
        if status in (204, 304) or self.method == "HEAD":
            return b""
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        if "content-length" in fields:
            return self._bytes(int(fields["content-length"]))
        return self._rest()

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self._line(), 16):
            parts.append(self._bytes(size))
            self._counted += 1
            if self._line():
                raise MalformedAnswer("a chunk is longer than its size")
        while self._line():
            pass
        return b"".join(parts)

    def _rest(self) -> bytes:
        while self._open:
            self._wait()
        return self._bytes(len(self._received))
