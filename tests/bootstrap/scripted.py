"""A Runtime API server that follows a script, right or wrong: it answers a request with exactly the given bytes.

Blocking sockets, a thread for each connection. A call of `/next` waits for ever if no answer is left, as on Lambda;
other calls are accepted unless the script says otherwise.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Self

__all__ = ["CLOSE", "RESET", "SILENCE", "Request", "Scripted", "accepted", "answer", "event"]

LARGE_BYTES = 1_000_000
SECONDS = 30.0  # longer than anything may take
NEXT = "/2018-06-01/runtime/invocation/next"
REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


class Act(NamedTuple):
    """Something that happens to a connection between two pieces of an answer."""

    name: str


CLOSE = Act("close")  # at once, with a FIN
RESET = Act("reset")  # at once, with a RST
SILENCE = Act("silence")  # for SILENCE_S
SILENCE_S = 1.2
Piece = bytes | Act


class Request(NamedTuple):
    """A request that has arrived; header names in lower case, the body without its chunk sizes."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    trailers: Mapping[str, str]
    connection: int  # its number, from 0

    @property
    def call(self) -> str:
        """The path after the version: `invocation/next`, `invocation/ID/response`, `init/error` ..."""
        return self.path.removeprefix("/2018-06-01/runtime/")


def answer(status: int = 200, body: bytes = b"", *, http: str = "1.1", **headers: str) -> bytes:
    """An HTTP response with Content-Length; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/{http} {status} Whatever", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body


def event(body: bytes = b"{}", request_id: str = REQUEST_ID, **headers: str) -> bytes:
    """An event as Lambda sends it, with more headers or other ones."""
    usual = {
        "Content_Type": "application/json",
        "Lambda_Runtime_Aws_Request_Id": request_id,
        "Lambda_Runtime_Deadline_Ms": str(int(time.time() * 1000) + 60_000),
        "Lambda_Runtime_Invoked_Function_Arn": "arn:aws:lambda:us-east-1:012345678912:function:f",
    }
    return answer(200, body, **{**usual, **headers})


def accepted() -> bytes:
    """The platform's response to a good answer."""
    return answer(202, b'{"status":"OK"}', Content_Type="application/json")


class Scripted:
    """The server, a context manager. `nexts` answer GET and `posts` answer POST, in the order of the calls."""

    def __init__(
        self,
        nexts: Iterable[bytes | Sequence[Piece]],
        posts: Iterable[bytes | Sequence[Piece]] = (),
        host: str = "127.0.0.1",
        early: bytes = b"",
        cut: int = 0,
    ) -> None:
        """`early` is sent when a large body begins; the connection ends after `cut` bytes of a body in chunks."""
        self.under_way: list[bytes] = []  # the chunks that have arrived so far, of any request
        self._early = early
        self._cut = cut
        self.requests: list[Request] = []
        self.connections = 0
        self.closed = 0  # connections that this server has ended
        self.waiting = 0  # calls of /next without an answer
        self._answers = {"GET": deque(nexts), "POST": deque(posts)}
        self._news = threading.Condition()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._listener.bind((host, 0))
        port: int = self._listener.getsockname()[1]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def listen(self) -> None:
        """Accept connections from now on; until then they are refused."""
        self._listener.listen(128)
        self._start(self._accept)

    def close(self) -> None:
        """End every connection and thread."""
        _shut(self._listener)
        with self._news:
            for connection in self._open:
                _shut(connection)
        for thread in self._threads:
            thread.join(SECONDS)
            assert not thread.is_alive(), "a thread of the scripted server hangs"
        self._listener.close()

    def give(self, *nexts: bytes | Sequence[Piece]) -> None:
        """Answer calls of /next, waiting ones first."""
        with self._news:
            self._answers["GET"].extend(nexts)
            self._news.notify_all()

    def wait_for(self, fulfilled: Callable[[Scripted], object], what: str = "what the test waits for") -> None:
        """Wait until the condition is true."""
        deadline = time.monotonic() + SECONDS
        with self._news:
            while not fulfilled(self):
                assert time.monotonic() < deadline, f"{what} did not happen; so far: {self.calls}"
                self._news.wait(0.02)  # a process that has ended does not notify

    def read_everything(self) -> None:
        """Wait until all that ended processes have sent is read."""
        self.wait_for(lambda it: not it._open, "the end of the connections")

    @property
    def posts(self) -> list[Request]:
        """The POST requests, in order."""
        return [one for one in self.requests if one.method == "POST"]

    @property
    def calls(self) -> list[str]:
        """The calls, in order."""
        return [one.call for one in self.requests]

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._news:
                self._open.add(connection)
                number = self.connections
                self.connections += 1
            self._start(self._serve, connection, number)

    def _serve(self, connection: socket.socket, number: int) -> None:
        stream = connection.makefile("rb")
        try:
            while True:
                request = _read(stream, number, self._refuse(connection), self._chunk)
                if request is None or not self._answer(connection, request):
                    return
        except OSError:
            return  # the other side has gone
        finally:
            with self._news:
                self._open.discard(connection)
            stream.close()
            connection.close()
            with self._news:
                self.closed += 1
                self._news.notify_all()

    def _refuse(self, connection: socket.socket) -> Callable[[int], bool]:
        """A function that may refuse a body of this length before it is read, and says whether it did."""

        def refuse(length: int) -> bool:
            if self._early and length > LARGE_BYTES:
                connection.sendall(self._early)
                return True
            return False

        return refuse

    def _chunk(self, data: bytes, length: int) -> bool:
        """Note a chunk; whether the connection shall end here."""
        with self._news:
            self.under_way.append(data)
            self._news.notify_all()
        return 0 < self._cut <= length

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        """Send what the script says; whether the connection stays open."""
        pieces = self._next_answer(connection, request)
        if pieces is None:
            return False
        for piece in [pieces] if isinstance(pieces, bytes) else pieces:
            if isinstance(piece, bytes):
                connection.sendall(piece)
                continue
            if piece is SILENCE:
                time.sleep(SILENCE_S)
                continue
            if piece is RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        return True

    def _next_answer(self, connection: socket.socket, request: Request) -> bytes | Sequence[Piece] | None:
        answers = self._answers[request.method]
        with self._news:
            self.requests.append(request)
            if request.method == "POST":
                self._news.notify_all()
                return answers.popleft() if answers else accepted()
            self.waiting += not answers
            self._news.notify_all()
            parked = not answers
            while not answers:
                if connection.fileno() < 0 or _hung_up(connection):
                    return None
                self._news.wait(0.05)
            self.waiting -= parked
            return answers.popleft()


def _hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _read(
    stream: IO[bytes], number: int, refuse: Callable[[int], bool], enough: Callable[[bytes, int], bool]
) -> Request | None:
    """Read a request; None if there is no more, or only half of one."""
    first = stream.readline()
    if not first.strip():
        return None
    method, path, _ = first.decode("latin-1").split(" ", 2)
    headers = _headers(stream)
    trailers: Mapping[str, str] = {}
    if headers.get("transfer-encoding") == "chunked":
        body = bytearray()
        while True:
            line = stream.readline()
            if not line.endswith(b"\r\n"):
                return Request(method, path, headers, bytes(body), {"cut": "short"}, number)
            size = int(line, 16)
            if not size:
                break
            body += (data := stream.read(size + 2)[:-2])
            if enough(data, len(body)):
                return None
        trailers = _headers(stream)
        return Request(method, path, headers, bytes(body), trailers, number)
    length = int(headers.get("content-length", "0"))
    if refuse(length):
        return None
    whole = stream.read(length)
    return Request(method, path, headers, whole, trailers, number) if len(whole) == length else None


def _headers(stream: IO[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        assert name.lower() not in found, f"{name} twice"
        found[name.lower()] = value.strip()
    return found
