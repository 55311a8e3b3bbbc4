"""A Runtime API server that does as it is told, right or wrong: a request is answered with exactly the given bytes.

Blocking sockets, a thread for each connection. A `/next` for which no answer is left waits, as on Lambda, for ever;
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
    from types import TracebackType
    from typing import Self

__all__ = ["CLOSE", "RESET", "SILENCE", "Request", "Scripted", "accepted", "answer", "event"]

LARGE_BYTES = 1_000_000
SECONDS = 30.0  # how long anything may take
NEXT = "/2018-06-01/runtime/invocation/next"
REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


class Act(NamedTuple):
    """Something to do with a connection between two pieces of an answer."""

    name: str


CLOSE = Act("close")  # at once, in order
RESET = Act("reset")  # with the kernel's RST: what is under way is lost
SILENCE = Act("silence")  # for a second and more
SILENCE_S = 1.2
Piece = bytes | Act


class Request(NamedTuple):
    """What came in; header names in lower case, the body out of its chunks."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    trailers: Mapping[str, str]
    connection: int  # which one, from 0

    @property
    def call(self) -> str:
        """The path behind the version: `invocation/next`, `invocation/ID/response`, `init/error` ..."""
        return self.path.removeprefix("/2018-06-01/runtime/")


def answer(status: int = 200, body: bytes = b"", *, http: str = "1.1", **headers: str) -> bytes:
    """An answer with Content-Length; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/{http} {status} Whatever", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body


def event(body: bytes = b"{}", request_id: str = REQUEST_ID, **headers: str) -> bytes:
    """An event as Lambda gives it, and with these headers."""
    usual = {
        "Content_Type": "application/json",
        "Lambda_Runtime_Aws_Request_Id": request_id,
        "Lambda_Runtime_Deadline_Ms": str(int(time.time() * 1000) + 60_000),
        "Lambda_Runtime_Invoked_Function_Arn": "arn:aws:lambda:us-east-1:012345678912:function:f",
    }
    return answer(200, body, **{**usual, **headers})


def accepted() -> bytes:
    """What the platform says of a good answer."""
    return answer(202, b'{"status":"OK"}', Content_Type="application/json")


class Scripted:
    """The server; a context manager. `nexts` answer GET, `posts` answer POST, each in the order of the calls."""

    def __init__(
        self,
        nexts: Iterable[bytes | Sequence[Piece]],
        posts: Iterable[bytes | Sequence[Piece]] = (),
        host: str = "127.0.0.1",
        early: bytes = b"",
        cut: int = 0,
    ) -> None:
        """`early` is said to a large body as soon as it begins, and after `cut` bytes of one in chunks the connection
        ends.
        """
        self.under_way: list[bytes] = []  # the chunks that have come, of whatever request
        self._early = early
        self._cut = cut
        self.requests: list[Request] = []
        self.connections = 0
        self.closed = 0  # connections that this server has ended
        self.waiting = 0  # calls of /next that nobody answers
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def listen(self) -> None:
        """Take connections from now on; until then they are refused."""
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
        """Wait until this holds."""
        deadline = time.monotonic() + SECONDS
        with self._news:
            while not fulfilled(self):
                assert time.monotonic() < deadline, f"{what} did not happen; so far: {self.calls}"
                self._news.wait(0.02)  # a process that has ended does not notify

    @property
    def posts(self) -> list[Request]:
        """What was posted, in order."""
        return [one for one in self.requests if one.method == "POST"]

    @property
    def calls(self) -> list[str]:
        """Which calls came, in order."""
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
        """What to do about a body of this length before it is read: whether it was refused."""

        def refuse(length: int) -> bool:
            if self._early and length > LARGE_BYTES:
                connection.sendall(self._early)
                return True
            return False

        return refuse

    def _chunk(self, data: bytes, length: int) -> bool:
        """A chunk has come; whether that is enough."""
        with self._news:
            self.under_way.append(data)
            self._news.notify_all()
        return 0 < self._cut <= length

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        """Send what the script says; whether the connection lives on."""
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
    """One request; None when there is no more, or only half of one."""
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
