"""A slot: one of the lanes of a shard in which one batch at a time is in flight."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING

from .attempts import Batch, GivenUp, after_answer, expired, retry_wait_ms
from .records import leading_batch
from .windows import Window, after_batch, window_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .attempts import Answer
    from .policy import StreamPolicy
    from .records import StreamRecord

__all__ = ["Slot", "SlotState"]

GRACE_MS = 1000  # that a window stays open after its end, for records that come late


class SlotState(Enum):
    """What a slot does."""

    GATHERING = auto()  # it has no batch
    HOLDING = auto()  # a batch waits for its turn
    RUNNING = auto()  # the function has a batch
    REPORTING = auto()  # records that were given up are on their way to the destination


MOVES = {
    SlotState.GATHERING: {SlotState.HOLDING},
    SlotState.HOLDING: {SlotState.RUNNING, SlotState.REPORTING},
    SlotState.RUNNING: {SlotState.GATHERING, SlotState.HOLDING, SlotState.REPORTING},
    SlotState.REPORTING: {SlotState.GATHERING, SlotState.HOLDING},
}


class Slot:
    """Decides what is done with the records of its keys, in their order."""

    def __init__(self, policy: StreamPolicy, window: Window | None = None) -> None:
        self.state = SlotState.GATHERING
        self.window = window
        self._policy = policy
        self._waiting: deque[StreamRecord] = deque()
        self._since_ms = 0.0  # the first of them has waited
        self._batches: list[Batch] = []  # the next one last
        self._due_ms = 0.0
        self._throttles = 0  # in a row
        self._given_up: GivenUp | None = None

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing left to do."""
        return self.state is SlotState.GATHERING and not self._waiting and self.window is None

    @property
    def is_hungry(self) -> bool:
        """Whether it has less than a batch to go on with."""
        return len(self._waiting) < self._policy.batch_size

    def add(self, record: StreamRecord, now_ms: float) -> None:
        """Take a record that follows all before it."""
        if not self._waiting:
            self._since_ms = now_ms
        self._waiting.append(record)

    def next(self, now_ms: float, seen_ms: float) -> Batch | GivenUp | None:
        """Return the batch that is to be tried now, or what is too old for that; None while there is nothing to do.

        `seen_ms`: the time up to which it is known that no more records come; infinite when the shard has ended.
        """
        if self.state is SlotState.GATHERING:
            batch = self._gathered(now_ms, seen_ms)
            if batch is None:
                return None
            self._hold([batch], now_ms)
        if self.state is not SlotState.HOLDING or now_ms < self._due_ms:
            return None
        self._given_up, rest = expired(self._batches.pop(), self._policy, now_ms)
        if rest is not None:
            self._batches.append(rest)
        self._move(SlotState.RUNNING if self._given_up is None else SlotState.REPORTING)
        return self._given_up or rest

    def answered(self, answer: Answer, now_ms: float) -> tuple[Sequence[StreamRecord], GivenUp | None]:
        """End an attempt; returns the records that are done, and those that are given up."""
        batch = self._batches.pop()
        judged = after_answer(batch, answer, self._policy)
        self._throttles = 0
        open_ = sum(len(each.records) for each in judged.again)
        if judged.given_up is not None:
            open_ += len(judged.given_up.batch.records)
        done = batch.records[: len(batch.records) - open_]
        self._pass_on_state(batch, answer, is_over=not judged.again)
        if judged.given_up is not None and not batch.is_final:
            self._given_up = judged.given_up
            self._move(SlotState.REPORTING)
            return done, judged.given_up
        failures = judged.again[0].failures if judged.again else 0
        wait_ms = retry_wait_ms(failures) if failures else 0
        self._hold(list(reversed(judged.again)), now_ms + wait_ms)
        return done, None

    def throttled(self, now_ms: float) -> None:
        """Put the batch of an attempt back that the function could not take: this uses up nothing."""
        self._throttles += 1
        self._hold([], now_ms + retry_wait_ms(self._throttles))

    def reported(self, now_ms: float) -> Sequence[StreamRecord]:
        """Go on after what was given up; returns those records: they are done now."""
        assert self._given_up is not None
        gone, self._given_up = self._given_up.batch.records, None
        self._hold([], now_ms)
        return gone

    def wake_ms(self) -> float | None:
        """Return when `next` has something to say though nothing happens; None: never."""
        if self.state is SlotState.HOLDING:
            return self._due_ms
        if self.state is SlotState.GATHERING and self._waiting:
            return self._since_ms + self._policy.gather_ms
        return None

    def _hold(self, more: list[Batch], due_ms: float) -> None:
        """Wait for the turn of the next batch, if there is one."""
        self._batches += more
        self._due_ms = due_ms
        self._move(SlotState.HOLDING if self._batches else SlotState.GATHERING)

    def _gathered(self, now_ms: float, seen_ms: float) -> Batch | None:
        """Take the next batch from what waits, if it is time for it."""
        if self._window_is_over(seen_ms):
            return Batch((), is_final=True)
        count = leading_batch(self._waiting, self._policy.batch_size)
        if self._policy.window_ms:
            count = self._within_window(count)
        if not count:
            return None
        is_full = count == self._policy.batch_size or count < len(self._waiting)
        is_time = now_ms >= self._since_ms + self._policy.gather_ms or seen_ms == float("inf")
        if not (is_full or is_time):
            return None
        self._since_ms = now_ms
        return Batch(tuple(self._waiting.popleft() for _ in range(count)))

    def _within_window(self, count: int) -> int:
        """Open the window of the first record if none is; returns how many of the first records are in it."""
        if self._waiting and self.window is None:
            self.window = Window(window_start(self._waiting[0], self._policy.window_ms, None))
        for at in range(count):
            if self._starts_later(self._waiting[at]):
                return at
        return count

    def _window_is_over(self, seen_ms: float) -> bool:
        window = self.window
        if window is None:
            return False
        if self._waiting:
            return window.ends_early or self._starts_later(self._waiting[0])
        return window.ends_early or seen_ms >= window.start_ms + self._policy.window_ms + GRACE_MS

    def _starts_later(self, record: StreamRecord) -> bool:
        assert self.window is not None
        return window_start(record, self._policy.window_ms, self.window) > self.window.start_ms

    def _pass_on_state(self, batch: Batch, answer: Answer, *, is_over: bool) -> None:
        if self.window is None:
            return
        if batch.is_final:
            # Also when it is given up: it has no records that could be sent anywhere.
            self.window = None if is_over else self.window
        elif answer.function_error is None:
            self.window = after_batch(self.window, answer.response)

    def _move(self, state: SlotState) -> None:
        assert state in MOVES[self.state], f"{self.state} -> {state}"
        self.state = state
