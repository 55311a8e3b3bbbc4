"""A client's socket that sends exactly what it is told to, and reads answers strictly."""

from __future__ import annotations

import socket
import struct
import time
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 60.0  # the bound of a wait that a correct server ends at once
CHANCES = 20


class Answer(NamedTuple):
    """An answer as it came; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    version: str = "HTTP/1.1"


class Ended(Exception):
    """The server has ended the connection where an answer was waited for; carries what came of it."""


class Peer:
    """One connection; every wait ends within `PATIENCE_S`."""

    def __init__(self, address: tuple[str, int], receive_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._held = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Write everything."""
        self.socket.sendall(data)

    def send_until_blocked(self, data: bytes, settle: Callable[[], None]) -> int:
        """Write until the server takes nothing more, however often it has the chance to; how many bytes were written.

        `settle` gives it the chance: it returns when the server has read what it is ready to read.
        """
        self.socket.setblocking(False)
        left = memoryview(data)
        refused = 0
        while left and refused < CHANCES:
            try:
                left = left[self.socket.send(left[:65_536]) :]
                refused = 0
            except BlockingIOError:
                settle()
                refused += 1
        self.socket.settimeout(PATIENCE_S)
        return len(data) - len(left)

    def finish_sending(self) -> None:
        """Close our direction only."""
        self.socket.shutdown(socket.SHUT_WR)

    def vanish(self) -> None:
        """End the connection by a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def ask(self, data: bytes, method: str = "GET") -> Answer:
        """Send, and read one answer."""
        self.send(data)
        return self.answer(method)

    def answer(self, method: str = "GET") -> Answer:
        """The next answer, informational ones included."""
        version, status, headers = self._head()
        if status < 200 or status == 204 or method == "HEAD":
            return Answer(status, headers, b"", version)
        return Answer(status, headers, self._take(int(headers["content-length"])), version)

    def take_some(self, most: int) -> None:
        """Read what has come of an answer, so many bytes of it at most."""
        self._held += self.socket.recv(most)

    def rest(self) -> bytes:
        """What comes until the server ends the connection; a reset is an end."""
        while self._receive():
            pass
        return bytes(self._held)

    def is_silent(self) -> bool:
        """Whether nothing that was not asked for is waiting to be read."""
        self.socket.setblocking(False)
        try:
            return not self._held and not self.socket.recv(1)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(PATIENCE_S)

    def _receive(self) -> bool:
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        self._held += data
        return bool(data)

    def _take(self, count: int) -> bytes:
        deadline = time.monotonic() + 3 * PATIENCE_S
        while len(self._held) < count:
            assert time.monotonic() < deadline, "the answer does not come to its end"
            if not self._receive():
                raise Ended(bytes(self._held))
        data = bytes(self._held[:count])
        del self._held[:count]
        return data

    def _head(self) -> tuple[str, int, dict[str, str]]:
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if not self._receive():
                raise Ended(bytes(self._held))
        first, *lines = self._take(end + 4)[:-4].decode("latin-1").split("\r\n")
        version, status, _reason = first.split(" ", 2)
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(": ")
            assert colon, f"not a header line: {line!r}"
            assert name.lower() not in headers, f"{name} came twice"
            headers[name.lower()] = value
        return version, int(status), headers
