"""A server on a thread of its own, with uvloop, and a handler that does what a request's path says."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Self, TypeVar

import uvloop

from runtime_api.web.http1.outbox import Outbox
from runtime_api.web.http1.server import HttpServer
from tests.web.peer import PATIENCE_S, Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.web.http1.doorway import Door
    from runtime_api.web.http1.exchange import Exchange
    from runtime_api.web.http1.roster import Bounds

T = TypeVar("T")

PLAIN = "Content-Type: text/plain\r\n"
MOST_BYTES = 100_000_000
FLOOD = [b"%07d\n" % number * 10_000 for number in range(200)]  # pieces, more than any socket's buffers take
ENDINGS = ("answered", "dropped", "truncated")


class Story:
    """What the handler was told of one exchange, and what it did, in order."""

    def __init__(self, exchange: Exchange) -> None:
        self.target = exchange.path + (b"?" + exchange.query if exchange.query else b"")
        self.words: list[str] = []

    def __repr__(self) -> str:
        return f"{self.target.decode('latin-1')}: {' '.join(self.words)}"

    @property
    def endings(self) -> list[str]:
        """The words that end an exchange; there must be one."""
        return [word for word in self.words if word in ENDINGS]


class Echo:
    """Answers with what it was asked. The first part of the path says when.

    `now`: at once; `keep`: the same, and the connection is kept as a runtime's; `late`: when `Served.release` says
    so; `never`: not at all; `refuse`: 403 at the head, before the body; `big`: at once, with as many bytes as the
    query says; `status`: at once, with the status that the query says; `pieces`: at once, after a body that was taken
    piece by piece; `hold`: the same, but the body is held up after each piece until `Served.resume`; `stream`: at
    once, in pieces; `break`: the same, but it breaks off; `flood`: as much of `FLOOD` as the peer takes. `leave` in
    the query: a half-closed peer is dropped; `fail-WORD`: it raises when told.
    """

    def __init__(self, body_bytes: int) -> None:
        self.body_bytes = body_bytes
        self.stories: list[Story] = []
        self.parked: deque[Exchange] = deque()
        self.pieces: list[bytes] = []
        self.held: deque[Exchange] = deque()
        self._floods: list[asyncio.Task[None]] = []
        self._heard = threading.Condition()

    def started(self, exchange: Exchange) -> None:
        self._note(exchange, "started")
        if _word(exchange) == "refuse":
            self._answer(exchange, 403, b"refused")
        elif _word(exchange) in ("pieces", "hold"):
            exchange.in_pieces = True

    def received(self, exchange: Exchange, piece: bytes) -> None:
        self.pieces.append(piece)
        self._note(exchange, "received")
        if piece.endswith(b"refuse"):
            self._answer(exchange, 413, b"enough")
        elif _word(exchange) == "hold":
            exchange.hold()
            self.held.append(exchange)

    def finished(self, exchange: Exchange) -> None:
        self._note(exchange, "finished")
        match _word(exchange):
            case "now":
                self.echo(exchange)
            case "pieces" | "hold":
                self.pieces.append(exchange.body)
                self.echo(exchange)
            case "keep":
                exchange.connection.kept = True
                self.echo(exchange)
            case "late":
                self._park(exchange)
            case "refuse":
                self._answer(exchange, 403, b"refused")
            case "big" if exchange.query.isdigit():
                self._answer(exchange, 200, b"." * min(int(exchange.query), MOST_BYTES))
            case "status":
                self._answer(exchange, int(exchange.query), b"as asked")
            case "stream" | "break":
                self._stream(exchange, is_whole=_word(exchange) == "stream")
            case "flood":
                self._floods.append(asyncio.get_running_loop().create_task(self._flood(exchange)))
            case "never":
                pass
            case _:
                self._answer(exchange, 404, b"not found")

    def overflowed(self, exchange: Exchange) -> None:
        self._note(exchange, "overflowed")
        if _word(exchange) == "late":
            self._park(exchange)
        elif _word(exchange) != "never":
            self._answer(exchange, 413, b"too large")

    def truncated(self, exchange: Exchange) -> None:
        self._note(exchange, "truncated")
        if _word(exchange) == "now":
            exchange.reply(400, PLAIN, b"cut short")

    def half_closed(self, exchange: Exchange) -> bool:
        self._note(exchange, "half_closed")
        return exchange.query != b"leave"

    def dropped(self, exchange: Exchange) -> None:
        self._note(exchange, "dropped")
        if exchange in self.parked:
            self.parked.remove(exchange)

    def echo(self, exchange: Exchange) -> None:
        """Answer with the request's own body, and the rest of it in headers."""
        headers = f"X-Asked: {exchange.method.decode()} {exchange.context.target.decode('latin-1')}\r\n"
        if exchange.trailers:
            headers += f"X-Trailers: {sorted(exchange.trailers.items())}\r\n"
        self._answer(exchange, 413 if exchange.is_too_large(self.body_bytes) else 200, exchange.body, headers)

    def count(self, word: str) -> int:
        """How many times the handler was told this, or did it."""
        with self._heard:
            return Counter(word for story in self.stories for word in story.words)[word]

    def wait_for(self, word: str, times: int = 1) -> None:
        """Wait until the handler was told this so many times, over all exchanges."""
        deadline = time.monotonic() + PATIENCE_S
        while self.count(word) < times:
            with self._heard:
                self._heard.wait(0.02)
            assert time.monotonic() < deadline, f"{word!r} did not come {times} times: {self.stories}"

    def _park(self, exchange: Exchange) -> None:
        self.parked.append(exchange)
        self._note(exchange, "parked")

    def _answer(self, exchange: Exchange, status: int, body: bytes, headers: str = "") -> None:
        self._note(exchange, "answered")
        exchange.reply(status, PLAIN + headers, body)

    def _stream(self, exchange: Exchange, is_whole: bool) -> None:
        exchange.begin(200, PLAIN, b"one")
        if is_whole:
            for piece in (b"two", b"", b"three"):
                exchange.write(piece)
            self._note(exchange, "answered")
            exchange.end()
        else:
            exchange.break_off()

    async def _flood(self, exchange: Exchange) -> None:
        exchange.begin(200, PLAIN)
        for piece in FLOOD:
            drained = asyncio.ensure_future(exchange.connection.drained())
            await asyncio.sleep(0)
            if not drained.done():
                self._note(exchange, "full")
            try:
                await drained
            except ConnectionResetError:
                self._note(exchange, "gone")
                return
            exchange.write(piece)
        self._note(exchange, "answered")
        exchange.end()

    def _note(self, exchange: Exchange, word: str) -> None:
        with self._heard:
            if exchange.context is None:
                exchange.context = Story(exchange)
                self.stories.append(exchange.context)
            exchange.context.words.append(word)
            self._heard.notify_all()
        if exchange.query == b"fail-" + word.encode():
            raise ZeroDivisionError(f"a bug in {word}")


class Served:
    """The server, and what went wrong in it; with many `callers` it collects its answers before it writes them."""

    def __init__(
        self,
        body_bytes: int = 1_000_000,
        callers: int = 0,
        bounds: Bounds | None = None,
        loop: str = "uvloop",
        door: Door | None = None,
    ) -> None:
        self.handler = Echo(body_bytes)
        self.address = ("", 0)
        self.problems: list[dict[str, Any]] = []
        outbox = Outbox()
        outbox.callers = callers
        self.notes: list[str] = []
        self._server = HttpServer(self.handler, outbox, bounds, self.notes.append, door)
        self._released = 0
        self._loop_name = loop
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="server under test", daemon=True)  # it may hang

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE_S), "the server does not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the server does not end"
        assert self._server.connections == 0

    def peer(self, receive_bytes: int | None = None) -> Peer:
        """A new connection."""
        return Peer(self.address, receive_bytes)

    def release(self) -> None:
        """Answer the late request that waits, as soon as there is one."""
        self._released += 1
        self.handler.wait_for("parked", self._released)
        self._do(lambda: self.handler.echo(self.handler.parked.popleft()))

    def resume(self) -> None:
        """Let the body that is held up go on."""
        self._do(lambda: self.handler.held.popleft().resume())

    def release_all(self) -> None:
        """Answer every request that waits, and those that come to wait by that."""
        self.settle()
        while self.handler.parked:
            self._do(self._release_one)

    def _release_one(self) -> None:
        if self.handler.parked:  # its peer may have gone meanwhile
            self._released += 1
            self.handler.echo(self.handler.parked.popleft())

    def settle(self) -> None:
        """Return when the server has read all that was sent to it before, and parsed what it is ready to parse."""
        self._do(lambda: None)
        self._do(lambda: None)
        while self._do(lambda: any(guest.is_parsing for guest in self._server.roster)):
            pass

    def wait_for_problem(self) -> None:
        """Wait until something was reported to the loop's exception handler."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.problems:
            time.sleep(0.01)
            assert time.monotonic() < deadline, "nothing was reported"

    def wait_until_alone(self) -> None:
        """Wait until no peer is connected any more."""
        deadline = time.monotonic() + PATIENCE_S
        while self._do(lambda: self._server.connections):
            time.sleep(0.01)
            assert time.monotonic() < deadline, f"{self._server.connections} connections are left"

    @property
    def has_unread(self) -> bool:
        """Whether peers have sent what the server has not read; ask in its thread (`do`)."""
        return self._server.has_unread

    def connections(self) -> int:
        """How many peers the server counts."""
        return self._do(lambda: self._server.connections)

    def do(self, function: Callable[[], T]) -> T:
        """Call a function on the server's loop."""
        return self._do(function)

    def judge(self) -> None:
        """After the end: nothing was raised in the loop, and every exchange came to one end."""
        assert not self.problems, self.problems
        unclear = [story for story in self.handler.stories if len(story.endings) != 1]
        assert not unclear, f"not exactly one of {ENDINGS}: {unclear[:10]}"

    def _do(self, function: Callable[[], T]) -> T:
        async def called() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(PATIENCE_S)

    def _run(self) -> None:
        make = uvloop.new_event_loop if self._loop_name == "uvloop" else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=make) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda _loop, context: self.problems.append(context))
        self.address = await self._server.listen("127.0.0.1", 0)
        self._ready.set()
        await self._stop.wait()
        await self._server.close()


def _word(exchange: Exchange) -> str:
    return exchange.path.strip(b"/").partition(b"/")[0].decode("latin-1")
