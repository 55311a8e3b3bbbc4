"""Who waits for an invocation of one environment, and in which form: a payload, a stream, with the log's tail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.protocol.journal import LogTail
from runtime_api.service.seams.dispatch import InvokeResult

from .results import result_of
from .streams import ResponseStream

if TYPE_CHECKING:
    from runtime_api.protocol import effects as fx
    from runtime_api.protocol.journal import Journal
    from runtime_api.protocol.streaming import Shaper
    from runtime_api.service.seams.dispatch import RunResult

    from .promise import Promise
    from .streams import Flow

__all__ = ["Callers"]


class Callers:
    """The callers of one environment, by request id. Each gets one result."""

    def __init__(self, journal: Journal, tail_bytes: int) -> None:
        self._journal = journal
        self._tail_bytes = tail_bytes
        self._promises: dict[str, Promise[RunResult]] = {}
        self._tails: dict[str, LogTail] = {}
        self._unsettled: dict[str, fx.Outcome] = {}  # of callers who wait for the log's tail
        self._streams: dict[str, ResponseStream] = {}  # that callers read

    def __bool__(self) -> bool:
        """Whether anybody waits for an answer or reads one."""
        return bool(self._promises or self._streams)

    def add(self, request_id: str, promise: Promise[RunResult], *, wants_tail: bool) -> None:
        """`promise` gets the one result."""
        self._promises[request_id] = promise
        if wants_tail:
            tail = self._tails[request_id] = LogTail(self._tail_bytes)
            self._journal.subscribe(tail)

    def open_stream(self, effect: fx.OpenStream, flow: Flow, shaper: Shaper | None) -> None:
        """Give the caller a stream in place of a payload."""
        request_id = effect.request_id
        stream = self._streams[request_id] = ResponseStream(flow, effect.content_type, shaper)
        self._promises.pop(request_id).set_result(InvokeResult(request_id, b"", None, b"", stream=stream))

    def forward(self, effect: fx.Forward) -> None:
        """Put a piece into the caller's stream."""
        self._streams[effect.request_id].put(effect.data)

    def run_out(self) -> None:
        """The runtime has ended: what it sent of a stream is read to its end."""
        for stream in self._streams.values():
            stream.run_out()

    def complete(self, effect: fx.Complete) -> None:
        """The outcome is known: answer, unless the caller wants the log's tail and that is not complete."""
        outcome = effect.outcome
        if not self._tails:
            self._answer(outcome, b"")
        elif effect.settled or outcome.request_id not in self._tails:
            self._answer(outcome, self._tail(outcome.request_id))
        else:
            self._unsettled[outcome.request_id] = outcome

    def settled(self, request_id: str) -> None:
        """The log of this invocation is complete."""
        outcome = self._unsettled.pop(request_id, None)
        if outcome is not None:
            self._answer(outcome, self._tail(request_id))

    def over(self, request_id: str) -> None:
        """Forget what was kept under this request id."""
        tail = self._tails.pop(request_id, None) if self._tails else None
        if tail is None:
            return
        self._journal.unsubscribe(tail)
        outcome = self._unsettled.pop(request_id, None)
        if outcome is not None:  # its slot gets free when the processes have ended; the log is complete
            self._answer(outcome, tail.text())

    def _tail(self, request_id: str) -> bytes:
        """The end of the log of this invocation, if its caller wants that."""
        tail = self._tails.get(request_id)
        return b"" if tail is None else tail.text()

    def _answer(self, outcome: fx.Outcome, tail: bytes) -> None:
        promise = self._promises.pop(outcome.request_id, None)
        if promise is not None:
            promise.tell(result_of(outcome, tail))
        elif self._streams and (stream := self._streams.pop(outcome.request_id, None)) is not None:
            result = result_of(outcome, tail)
            assert isinstance(result, InvokeResult)  # it has begun
            stream.finish(result)
