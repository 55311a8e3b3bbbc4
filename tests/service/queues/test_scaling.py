"""How many batches of a queue run at once, simulated in virtual time."""

from __future__ import annotations

import heapq
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.service.queues.scaling import FIRST, Found, QueueScaling


class Simulation:
    """A queue with a backlog, and a function that takes so long for a batch and runs so many at once."""

    def __init__(self, backlog: int, takes_s: float, runs: int, limit: int, seed: int = 0) -> None:
        """`limit`: what the function says that it can run; it throttles where that is more than it does run."""
        self.backlog = backlog  # full batches
        self.handled = 0
        self.throttles = 0
        self.most_at_once = 0
        self.now_s = 0.0
        self._takes_s, self._runs, self._limit = takes_s, runs, limit
        self._running = 0
        self._random = Random(seed)
        self._due: list[tuple[float, int, str]] = []
        self._numbers = iter(range(10**9))
        self.scaling = QueueScaling(0)

    def run(self, until_s: float) -> None:
        while True:
            for _ in range(self.scaling.begin(self._limit, self.now_s)):
                self._at(0.01 if self.backlog else 20, "answer")
            if self.now_s >= until_s:
                return
            next_s = self.scaling.next_s()
            wake_s = self.now_s + (until_s if next_s is None else next_s)
            if self._due and self._due[0][0] <= wake_s:
                self.now_s, _, what = heapq.heappop(self._due)
                getattr(self, f"_{what}")()
            else:
                self.now_s = wake_s

    def _at(self, after_s: float, what: str) -> None:
        heapq.heappush(self._due, (self.now_s + after_s, next(self._numbers), what))

    def _answer(self) -> None:
        found = Found.FULL if self.backlog else Found.NOTHING
        self.backlog -= found is Found.FULL
        self.scaling.received(found, self.now_s)
        if found is Found.FULL:
            self._invoke()

    def _invoke(self) -> None:
        if self._running >= self._runs:
            self.throttles += 1
            self.scaling.throttled(self.now_s)
            self._at(self._random.uniform(1, 10), "invoke")
            return
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        self._at(self._takes_s, "end")

    def _end(self) -> None:
        self._running -= 1
        self.handled += 1
        self.scaling.ended()


def test_one_turn_waits_while_the_queue_is_empty() -> None:
    simulation = Simulation(backlog=0, takes_s=1, runs=100, limit=100)
    simulation.run(3600)
    assert (simulation.scaling.asking, simulation.scaling.busy) == (1, 0)


def test_requests_at_once_become_more_with_each_full_batch() -> None:
    scaling = QueueScaling(0)
    at_once = []
    for _ in range(4):
        scaling.begin(100, 0)
        at_once.append(scaling.asking)
        scaling.received(Found.FULL, 0)
        scaling.ended()
    scaling.received(Found.NOTHING, 0)
    assert at_once == [1, 1, 2, 3]
    assert scaling.begin(100, 0) == 0  # those that wait are enough


def test_turns_become_more_while_there_is_a_backlog_and_few_again_after_it() -> None:
    simulation = Simulation(backlog=10**6, takes_s=10, runs=10**6, limit=10**6)
    simulation.run(1)
    assert simulation.scaling.busy + simulation.scaling.asking <= FIRST + 1
    simulation.run(61)
    assert 60 <= simulation.most_at_once <= FIRST + 61  # 60 more a minute
    simulation.backlog = 0
    simulation.run(200)
    assert (simulation.scaling.busy, simulation.scaling.asking) == (0, 1)


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_never_more_than_the_function_runs(limit: int) -> None:
    simulation = Simulation(backlog=10**6, takes_s=1, runs=limit, limit=limit)
    simulation.run(600)
    assert simulation.most_at_once == limit
    assert simulation.throttles == 0
    assert simulation.handled > 0.9 * limit * 600


def test_a_function_that_others_keep_busy_is_asked_less_often_and_every_batch_is_handled() -> None:
    simulation = Simulation(backlog=2000, takes_s=1, runs=3, limit=100)
    simulation.run(3600)
    assert simulation.handled == 2000
    assert simulation.throttles < 2000


def test_where_one_request_is_allowed_at_a_time_batches_still_run_beside_one_another() -> None:
    scaling = QueueScaling(0, most_asking=1)
    for busy in range(FIRST):
        assert scaling.begin(100, 0) == 1
        assert scaling.begin(100, 0) == 0
        scaling.received(Found.FULL, 0)
        assert scaling.busy == busy + 1


@given(st.lists(st.tuples(st.sampled_from(["begin", *Found, "end", "throttled"]), st.floats(0, 5)), max_size=80))
def test_no_order_of_events_brings_it_out_of_step(steps: list[tuple[Found | str, float]]) -> None:
    scaling, now_s, limit = QueueScaling(0), 0.0, 9
    for step, after_s in steps:
        now_s += after_s
        if step == "begin":
            before = scaling.asking + scaling.busy
            begun = scaling.begin(limit, now_s)
            assert begun == 0 or before + begun <= limit
        elif isinstance(step, Found) and scaling.asking:
            scaling.received(step, now_s)
        elif step == "end" and scaling.busy:
            scaling.ended()
        elif step == "throttled" and scaling.busy:
            scaling.throttled(now_s)
        assert scaling.asking >= 0
        assert scaling.busy >= 0
        if not scaling.busy and not scaling.asking:  # whatever has been, it goes on
            assert scaling.begin(limit, now_s) >= 1
