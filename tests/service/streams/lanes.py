"""Records, and functions that handle a shard's batches in virtual time."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import orjson

from runtime_api.service.seams.positions import Position
from runtime_api.service.streams.attempts import Answer
from runtime_api.service.streams.records import StreamRecord
from runtime_api.service.streams.shard import Attempt, Report, Shard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runtime_api.service.streams.policy import StreamPolicy

    Handle = Callable[[Sequence[str]], "Answer | None"]  # None: throttled

__all__ = ["ARN", "FAILED", "OK", "Lane", "a_record", "failures"]

ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
OK = Answer("r", b"null")
FAILED = Answer("r", b'{"errorMessage":"boom"}', "Unhandled")


def failures(*numbers: str) -> Answer:
    """What a function answers that names the records that have failed."""
    return Answer("r", orjson.dumps({"batchItemFailures": [{"itemIdentifier": each} for each in numbers]}))


def a_record(number: int, key: str = "k", arrived_ms: float = 0, *, is_wanted: bool = True) -> StreamRecord:
    """The record with this sequence number."""
    return StreamRecord(str(number), key, arrived_ms, b"%d" % number, is_wanted)


class Lane:
    """A shard whose function answers at once or after a random time, on a clock of its own."""

    def __init__(
        self,
        policy: StreamPolicy,
        handle: Handle,
        position: Position | None = None,
        seed: int = 0,
        longest_ms: int = 0,
    ) -> None:
        self.now_ms = 0.0
        self.shard = Shard("shard-1", ARN, policy, position or Position())
        self.batches: list[list[str]] = []  # in the order in which they began
        self.events: list[bytes] = []
        self.begun_ms: list[float] = []
        self.reports: list[Report] = []
        self.done: list[str] = []  # in the order in which the function has been through with them
        self._handle = handle
        self._random = random.Random(seed)
        self._longest_ms = longest_ms
        self._in_hand: list[tuple[float, Attempt]] = []

    def step(self) -> bool:
        """Do the next thing; False when nothing is left to do."""
        for each in self.shard.due(self.now_ms):
            if isinstance(each, Report):
                self._report(each)
            else:
                self.batches.append([record.sequence_number for record in each.batch.records])
                self.events.append(each.event)
                self.begun_ms.append(self.now_ms)
                self._in_hand.append((self.now_ms + self._random.randint(0, self._longest_ms), each))
        times = [at_ms for at_ms, _ in self._in_hand]
        wake_ms = self.shard.wake_ms()
        if wake_ms is not None:
            times.append(wake_ms)
        if not times:
            return False
        self.now_ms = max(self.now_ms, min(times))
        for each in [attempt for at_ms, attempt in self._in_hand if at_ms <= self.now_ms]:
            self._answer(each)
        return True

    def run(self, most: int = 10_000) -> None:
        """Go on until nothing is left to do."""
        for _ in range(most):
            if not self.step():
                return
        raise AssertionError("it does not end")

    def _answer(self, attempt: Attempt) -> None:
        self._in_hand = [(at_ms, each) for at_ms, each in self._in_hand if each is not attempt]
        numbers = [record.sequence_number for record in attempt.batch.records]
        answer = self._handle(numbers)
        if answer is None:
            self.shard.throttled(attempt, self.now_ms)
            return
        if answer.function_error is None and answer.response == OK.response:
            self.done += numbers
        report = self.shard.answered(attempt, answer, self.now_ms)
        if report is not None:
            self._report(report)

    def _report(self, report: Report) -> None:
        self.reports.append(report)
        self.shard.reported(report, self.now_ms)
