"""One raw TCP connection that speaks HTTP exactly as a case says, and reads answers without any leniency."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from dataclasses import dataclass

__all__ = ["NO_COPIES", "Address", "Answer", "Connection", "Misspelt", "Nothing"]

Address = tuple[str, int]

# Held while a process is started: until its exec it has copies of our sockets, and to close ours would end nothing.
NO_COPIES = threading.Lock()


class Nothing(Exception):
    """No whole answer: the peer is `silent` for too long, or has `closed` the connection."""

    kinds = ("silent", "closed")

    def __init__(self, kind: str, received: bytes | bytearray) -> None:
        super().__init__(f"{kind}, after {bytes(received[:200])!r}")
        self.kind = kind


class Misspelt(Exception):
    """What came is no HTTP."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as it came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header that is allowed once; None when it is absent."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        if len(values) > 1:
            raise Misspelt(f"header {name} came {len(values)} times: {values}")
        return values[0] if values else None


class Connection:
    """A client's socket; every wait ends at a deadline."""

    def __init__(self, address: Address) -> None:
        self._socket = socket.create_connection(address, timeout=5)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._received = bytearray()
        self._open = True
        self._deadline = 0.0
        self.sent_at = time.time()
        self.method = "GET"

    def send(self, data: bytes, timeout: float = 10) -> None:
        """Write everything, reading meanwhile: a server may answer, or hang up, before it has read it all."""
        deadline = time.monotonic() + timeout
        left = memoryview(data)
        self.sent_at = time.time()
        while left:
            readers = [self._socket] if self._open else []
            readable, writable, _ = select.select(readers, [self._socket], [], deadline - time.monotonic())
            if not readable and not writable:
                raise Nothing("silent", self._received)
            if readable:
                self._receive()
            if writable:
                try:
                    left = left[self._socket.send(left[: 1 << 20]) :]
                except (BrokenPipeError, ConnectionResetError):
                    return

    def answer(self, timeout: float) -> Answer:
        """The next answer, whole; informational ones before it are read over."""
        self._deadline = time.monotonic() + timeout
        status, headers = self._head()
        while status < 200:
            status, headers = self._head()
        return Answer(status, headers, self._body(status, headers))

    def interim(self, timeout: float) -> int:
        """The status of one informational answer."""
        self._deadline = time.monotonic() + timeout
        return self._head()[0]

    def finish_sending(self) -> None:
        """Close our direction only."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close at once, with a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close in both directions."""
        with NO_COPIES:
            self._socket.close()

    def fileno(self) -> int:
        """For `select`."""
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
            raise Nothing("closed", self._received)
        left = self._deadline - time.monotonic()
        if left <= 0 or not select.select([self._socket], [], [], left)[0]:
            raise Nothing("silent", self._received)
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

    def _head(self) -> tuple[int, tuple[tuple[str, str], ...]]:
        version, status, *_ = [*self._line().split(" ", 2), "", ""]
        if version not in ("HTTP/1.1", "HTTP/1.0"):
            raise Misspelt(f"not a status line: {version!r}")
        headers = []
        while line := self._line():
            name, colon, value = line.partition(":")
            if not colon or name != name.strip():
                raise Misspelt(f"not a header line: {line!r}")
            headers.append((name, value.strip()))
        if not status.isdigit():
            raise Misspelt(f"no status code: {status!r}")
        return int(status), tuple(headers)

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
            if self._line():
                raise Misspelt("a chunk does not end at its size")
        while self._line():
            pass
        return b"".join(parts)

    def _rest(self) -> bytes:
        while self._open:
            self._wait()
        return self._bytes(len(self._received))
