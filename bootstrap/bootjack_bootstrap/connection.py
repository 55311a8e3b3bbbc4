"""One keep-alive connection to the Runtime API, blocking: nothing is sent twice that may have been taken once."""

from __future__ import annotations

import _socket
import sys
import time

from .http1 import CHUNKED, MORE_CAME, MOST_HEAD_BYTES, UNTIL_CLOSED, ChunkedBody, HttpError, read_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .http1 import Head, Response

__all__ = ["Connection", "ConnectionLost", "address_of"]

RECEIVE_BYTES = 65_536
REFUSED_TRIES = 6
REFUSED_WAIT_S = 0.02  # doubled each time: 0.6 s in all
# A signal that comes in the moment before a call of recv is seen after it: so no call waits longer than half a
# second, and then it is made again. (A struct timeval: seconds and microseconds.)
LOOK_UP = (0).to_bytes(8, sys.byteorder) + (500_000).to_bytes(8, sys.byteorder)
CUT_SHORT = "an answer was cut short"
LARGE_BYTES = 65_536  # a smaller body is sent together with its head


class ConnectionLost(Exception):
    """The Runtime API cannot be reached, or hung up in the middle of an answer."""


class Connection:
    """Sends a request, waits for its answer as long as it takes. `_socket` is what `socket` is made of, and is there
    in a twentieth of the time."""

    def __init__(self, runtime_api: str) -> None:
        self.host = runtime_api
        self._address = address_of(runtime_api)
        self._seen: tuple[bytes, Response] | None = None
        self._socket: _socket.socket | None = None

    def ask(
        self, head: bytes, body: bytes | bytearray = b"", meanwhile: Callable[[], None] | None = None
    ) -> Response:
        """Send a request and wait for its answer; `meanwhile` is done while the server thinks.

        A connection that was closed while nobody used it is replaced: no byte of an answer came, and whatever the
        server took of a request is judged there by its request id.
        """
        idle = self._socket is not None
        data = self._trip(head, body, meanwhile)
        if not data and idle:
            self.close()
            data = self._trip(head, body)
        return self._read(data)

    def stream(self, head: bytes, pieces: Iterable[bytes]) -> Response:
        """Send a request whose body comes in pieces; no more are asked for once the server has hung up."""
        if self._socket is not None and self._stale():
            self.close()
        connection = self._connected()
        try:
            connection.sendall(head)
            for piece in pieces:
                connection.sendall(piece)
        except OSError:
            pass  # what is to be read tells more
        return self._read(self._receive())

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _trip(self, head: bytes, body: bytes | bytearray, meanwhile: Callable[[], None] | None = None) -> bytes:
        """There and back; the first bytes of the answer, none when the server has hung up."""
        connection = self._connected()
        try:
            if len(body) < LARGE_BYTES:
                connection.sendall(head + body if body else head)
            else:
                connection.sendall(head)
                connection.sendall(body)
        except OSError:
            pass  # the answer may be here already: a refusal, say
        else:
            if meanwhile is not None:
                meanwhile()
        return self._receive()

    def _receive(self) -> bytes:
        assert self._socket is not None
        while True:
            try:
                return self._socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                pass  # a look at signals, then on
            except OSError:
                return b""

    def _connected(self) -> _socket.socket:
        """The connection; opened when there is none, with some patience for a server that is about to listen."""
        if self._socket is not None:
            return self._socket
        wait = REFUSED_WAIT_S
        for attempt in range(REFUSED_TRIES):
            try:
                return self._opened()
            except OSError as error:
                if not isinstance(error, ConnectionRefusedError) or attempt == REFUSED_TRIES - 1:
                    raise ConnectionLost(f"{self.host}: {(error.strerror or 'cannot be reached').lower()}") from None
                time.sleep(wait)
                wait *= 2
        raise AssertionError("the last attempt has raised")

    def _opened(self) -> _socket.socket:
        found = _socket.getaddrinfo(*self._address, 0, _socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found:  # a name may have several, of which one listens
            connection = _socket.socket(family, kind, protocol)
            try:
                connection.connect(address)
                connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, LOOK_UP)
            except OSError:
                connection.close()
                if address == found[-1][4]:
                    raise
            else:
                self._socket = connection
                return connection
        raise AssertionError("the last address has raised")

    def _stale(self) -> bool:
        """Whether the server has closed a connection that nobody used."""
        assert self._socket is not None
        try:
            self._socket.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def _more(self) -> bytes:
        data = self._receive()
        if not data:
            raise ConnectionLost(CUT_SHORT)
        return data

    def _read(self, data: bytes) -> Response:
        """Read the answer that begins with `data`; interim ones (1xx) are passed over.

        An answer that comes again byte for byte, as the platform's OK does, is not taken apart again.
        """
        if self._seen is not None and data == self._seen[0]:
            return self._seen[1]
        try:
            return self._read_anew(data)
        except HttpError as error:
            self.close()
            raise ConnectionLost(f"an answer cannot be read: {error}") from None
        except OSError:
            self.close()
            raise ConnectionLost(CUT_SHORT) from None
        except ConnectionLost:
            self.close()
            raise

    def _read_anew(self, data: bytes) -> Response:
        if not data:
            raise ConnectionLost("the connection was closed before an answer came")
        whole = data
        while True:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                if len(data) > MOST_HEAD_BYTES:
                    raise HttpError("a head without an end")
                data += self._more()
                continue
            head = read_head(data[:end])
            rest = data[end + 4 :]
            if head[0] >= 200:
                response = self._body(head, rest)
                if data is whole and len(rest) == head[2] and self._socket is not None:
                    self._seen = data, response
                return response
            data = rest or self._more()

    def _body(self, head: Head, data: bytes) -> Response:
        status, headers, length = head
        body: bytes | bytearray
        if length >= 0:
            body = data if len(data) == length else self._sized(data, length)
        elif length == CHUNKED:
            chunked = ChunkedBody()
            chunked.feed(data)
            while not chunked.done:
                chunked.feed(self._more())
            body = chunked.body
        else:
            body = self._until_closed(data)
        if length == UNTIL_CLOSED or headers.get("connection", "").lower() == "close":
            self.close()
        return status, headers, body

    def _sized(self, data: bytes, length: int) -> bytes | bytearray:
        if len(data) > length:
            raise HttpError(MORE_CAME)
        assert self._socket is not None
        body = bytearray(length)
        body[: len(data)] = data
        at = len(data)
        with memoryview(body) as view:
            while at < length:
                try:
                    got = self._socket.recv_into(view[at:])
                except BlockingIOError:
                    continue
                if not got:
                    raise ConnectionLost(CUT_SHORT)
                at += got
        return body

    def _until_closed(self, data: bytes) -> bytes:
        while True:
            more = self._receive()
            if not more:
                return data
            data += more


def address_of(runtime_api: str) -> tuple[bytes, int]:
    """Host and port. As bytes: text would be looked at as an international name, whose codec takes 8 ms to import."""
    host, _, port = runtime_api.rpartition(":")
    return host.strip("[]").encode() or b"127.0.0.1", int(port) if port.isdecimal() else 80
