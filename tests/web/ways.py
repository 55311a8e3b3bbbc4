"""The ways on which a request can reach a handler, and how a case of the corpus is sent and judged on each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import uvloop

from runtime_api.protocol import wire
from tests.web.answers import Malformed, final, received
from tests.web.corpus.case import TARGET
from tests.web.peer import Peer
from tests.web.ports import FIRST_ID, FUNCTION, Ports
from tests.web.requests import get, post

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.web.answers import Received
    from tests.web.corpus.case import Case

__all__ = ["INVOKE", "STREAMED", "WAYS", "Listening", "Way", "complaint"]

START_S = 30.0
INVOKE = f"/2015-03-31/functions/{FUNCTION}/invocations"
STREAMED = f"/2021-11-15/functions/{FUNCTION}/response-streaming-invocations"
ANSWER = f"{wire.INVOCATION_PREFIX}{FIRST_ID}/{wire.RESPONSE}"
CANARY = b'"canary"'
MARKER = b'"marker"'


class Way(NamedTuple):
    """One way: the target of a case, the status of a good request, a request behind the case."""

    is_runtime_api: bool
    target: bytes
    status: int
    canary: bytes  # a request behind the case, which ends the connection
    canary_body: bytes  # of its answer


def _public(target: str, status: int) -> Way:
    return Way(False, target.encode(), status, post(INVOKE, CANARY, "Connection: close"), CANARY)


WAYS = {
    "Runtime API": Way(True, ANSWER.encode(), 202, get(wire.PING, "Connection: close"), wire.PONG),
    "Invoke": _public(INVOKE, 200),
    "another operation": _public("/2025-11-30/capacity-providers", 501),
}


class Listening:
    """Both ports on a thread of their own, and what went wrong there."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.tracebacks: list[str] = []
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="ports under test", daemon=True)  # it may hang

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(START_S), "the ports do not open"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_S)
        assert not self._thread.is_alive(), "the ports do not close"

    def send(self, way: Way, case: Case, behind: bytes = b"", cut: int | None = None) -> tuple[bytes, bytes | None]:
        """Send a case and the canary in one write, or in two; return all that comes, and the body a runtime posted.

        `behind` is sent before the case.
        """
        sent = behind + case.sent.replace(TARGET, way.target) + way.canary
        if way.is_runtime_api:
            self._do(self.ports.begin)
            with Peer(self.ports.runtime) as poller:
                poller.ask(get(wire.NEXT))
                data = self._exchange(self.ports.runtime, sent, cut)
            return data, self._do(self._posted)
        return self._exchange(self.ports.public, sent, cut), None

    def settle(self) -> None:
        """Return when the server has read all that was sent to it before."""
        for _ in range(3):
            self._do(lambda: None)

    def is_answering(self, marker: Peer) -> bool:
        """Whether a request on another connection is answered."""
        return marker.ask(post(INVOKE, MARKER)).body == MARKER

    def _exchange(self, address: tuple[str, int], sent: bytes, cut: int | None) -> bytes:
        with Peer(address) as peer:
            peer.socket.settimeout(START_S)
            try:
                if cut is not None:
                    peer.send(sent[:cut])
                    self.settle()
                peer.send(sent[cut or 0 :])
            except OSError:
                pass  # the server has had enough of it
            try:
                return peer.rest()
            except TimeoutError:
                return b"(the server says nothing and does not end the connection)"

    def _posted(self) -> bytes | None:
        """The body of the first response that was taken."""
        return next((each.body for each in self.ports.environment.outcomes if each.status == "success"), None)

    def _do(self, function: Any) -> Any:
        async def called() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(START_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda _loop, context: self.problems.append(repr(context)))
        with _listened(self.tracebacks):
            self.ports = Ports()
            await self.ports.listen()
            self._ready.set()
            await self._stop.wait()
            await self.ports.close()


class _listened(logging.Handler):
    """Collects what would reach stderr: asyncio reports through `logging`, with a traceback."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.getMessage()} {record.exc_info}")

    def __enter__(self) -> None:
        logging.getLogger().addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)


def complaint(way: Way, case: Case, data: bytes, posted: bytes | None, behind: int = 0) -> str | None:
    """Say what is wrong with the answers to a case, if anything is; `behind` requests came before it."""
    try:
        answers = final(_read(case, data, behind))
    except Malformed as error:
        return str(error)
    may_end = any(not verdict.goes_on for verdict in case.allowed)
    if behind and not answers:
        # A request that is still in hand when its peer sends garbage is dropped, and the connection with it.
        return None if may_end else "the request before it has no answer"
    answers = answers[behind:]
    goes_on = bool(answers) and answers[-1].status == 200 and answers[-1].body == way.canary_body
    if goes_on:
        answers = answers[:-1]
    if len(answers) > 1:
        return f"answered {len(answers)} times: {_statuses(answers)}"
    if behind and may_end and not answers and not goes_on:
        return None  # a refusal that says nothing, behind an answer
    status = answers[0].status if answers else None
    if not any(_allows(verdict, way, status, goes_on) for verdict in case.allowed):
        return f"{status or 'no answer'} and {'goes on' if goes_on else 'ends'}, not {_or(case.allowed)}"
    return _wrong_body(way, case, answers[0].body if status == way.status else None, posted)


def _read(case: Case, data: bytes, behind: int) -> list[Received]:
    """All answers. A server that cannot read a request does not know that it is a HEAD, and may send a body."""
    if case.sent.startswith(b"HEAD "):
        with contextlib.suppress(Malformed):
            return received(data, frozenset({behind}))
    return received(data)


def _allows(verdict: Any, way: Way, status: int | None, goes_on: bool) -> bool:
    if verdict.goes_on is not None and verdict.goes_on is not goes_on:
        return False
    if verdict.statuses is None:
        return status == way.status
    return status in verdict.statuses or (status is None and not verdict.statuses)


def _wrong_body(way: Way, case: Case, echoed: bytes | None, posted: bytes | None) -> str | None:
    """A body that was taken must be the case's own, whatever the answer."""
    if way.is_runtime_api:
        return None if posted in (None, case.body) else f"the body was read as {posted[:200]!r}"
    if echoed is None or way.status != 200:
        return None
    return None if echoed == (case.body or b"{}") else f"the body was read as {echoed[:200]!r}"


def _statuses(answers: Sequence[Received]) -> str:
    return ", ".join(str(answer.status) for answer in answers)


def _or(verdicts: Sequence[Any]) -> str:
    return " or ".join(map(str, verdicts))
