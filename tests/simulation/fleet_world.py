"""A pool in a world of chance: callers, environments on paper, a heap for a clock, and the rules that must hold.

What engine/pool.py does with a `Fleet`'s actions is done here without an event loop. Whatever the dice say, the rules
checked here must hold; `Broken` says which one did not. The world keeps its own books and believes the fleet nothing.
"""

from __future__ import annotations

import heapq
from collections import deque
from itertools import count
from typing import TYPE_CHECKING

from runtime_api.protocol.concurrency import Fleet
from runtime_api.protocol.fleet_actions import Assign, Close, Fail, Readiness, Start, Throttle, WakeAt

from .fleet_runtime import PaperEnvironment

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from runtime_api.protocol import effects as fx
    from runtime_api.protocol.fleet_actions import Action

__all__ = ["Broken", "FleetWorld", "Made"]

Made = Fleet[str, PaperEnvironment]
STEPS = 60  # things that callers and users do in one world
EVENTS = 20_000  # more than any world has
RANK = {Readiness.WARM: 0, Readiness.FINISHING: 1, Readiness.COLD: 2}


class Broken(AssertionError):
    """A rule did not hold."""


class FleetWorld:
    """One function's pool, from the first caller to the end."""

    def __init__(self, dice: random.Random, make: Callable[[int, float | None], Made] = Fleet) -> None:
        self.dice = dice
        self.now = 1000.0
        self.most = dice.choice((1, 1, 2, 3, 8))
        self.idle_ms = dice.choice((None, 0.0, 200.0, 2000.0, 20_000.0))
        self.init_in_invoke = dice.random() < 0.2
        self.max_queued = dice.choice((0, 0, 2, 5))  # of those who may wait
        self.fleet = make(self.most, self.idle_ms)
        self.code = 0
        self.current: set[PaperEnvironment] = set()  # neither closed nor on old code
        self.unmade = 0  # asked for, could not be made, and the fleet has not been told yet
        self.everyone: list[PaperEnvironment] = []
        self.waiting: deque[str] = deque()
        self.fates: dict[str, str] = {}
        self.asked = count(1)
        self.shut = self.provisioning = False
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    # -- from beginning to end

    def run(self) -> None:
        """Everything that happens in this world."""
        at = self.now
        for _ in range(STEPS):
            at += self.dice.choice((0, 0, 1, 10, 100, 1000, 5000)) * self.dice.random()
            self.later(at - self.now, self._something)
        if self.dice.random() < 0.3:
            self.later(self.dice.uniform(0, at - self.now), self._shut)
        self._pass_time()
        self.require(not self.waiting, f"{list(self.waiting)} wait for ever")
        without = [request_id for request_id, fate in self.fates.items() if fate == "open"]
        self.require(not without, f"{without} never got an outcome")
        if self.idle_ms is not None:
            self.require(self.shut or not self.current, "an idle environment was never ended")
        self._shut()
        self._pass_time()
        self.require(all(each.ended for each in self.everyone), "an environment outlived its pool")

    def _pass_time(self) -> None:
        for _ in range(EVENTS):
            if not self._heap:
                return
            at, _, what = heapq.heappop(self._heap)
            self.now = max(self.now, at)
            what()
            self.look()
        raise Broken("the world does not come to rest")

    def _something(self) -> None:
        if self.shut:
            return
        fate = self.dice.random()
        if fate < 0.03:
            self._replace()
        elif fate < 0.05:
            self.provisioning = True
            self.perform(self.fleet.start_ahead())
            self.provisioning = False
        else:
            for _ in range(self.dice.choice((1, 1, 1, 2, 5, 12))):
                self._submit(self.max_queued if self.dice.random() < 0.5 else 0)

    def _submit(self, max_queued: int) -> None:
        """As Pool.submit does."""
        request_id = f"r{next(self.asked)}"
        self.fates[request_id] = "open"
        self.waiting.append(request_id)
        environment = self.fleet.take()
        if environment is not None:
            self._assign(request_id, environment)
        else:
            self.perform(self.fleet.submit(request_id, max_queued), max_queued)
        waits = request_id in self.waiting and self.uncovered > max_queued
        self.require(not waits, f"{request_id} waits, and may not")
        self.look()

    def _replace(self) -> None:
        self.code += 1
        self.most = self.dice.choice((1, 2, 3, 8))
        kept = {each for each in self.current if each.job is not None}
        closing = self.current - kept
        self.current.clear()
        self.perform(self.fleet.replace(self.most))
        self.require(all(each.closed for each in closing), "an environment with old code and nothing to do stays")
        self.require(not any(each.closed for each in kept), "an invocation may not finish on the code it began with")
        if self.dice.random() < 0.05:
            self.later(0, self._shut)

    def _shut(self) -> None:
        self.shut = True
        self.current.clear()
        self.perform(self.fleet.shut())
        self.require(all(each.closed for each in self.everyone), "an environment is not ended with its pool")
        self.require(not self.waiting, "somebody waits for a pool that is shut")

    # -- what the fleet asks for

    def perform(self, actions: Iterable[Action[str, PaperEnvironment]], max_queued: int = 0) -> None:
        for action in actions:
            match action:
                case Assign(request_id, environment):
                    self._assign(request_id, environment)
                case Start():
                    self._start()
                case Throttle(request_id):
                    self._throttle(request_id, max_queued)
                case Fail(request_id):
                    self.require(bool(self.waiting), f"{request_id} fails, and does not wait")
                    self.require(request_id == self.waiting.popleft(), "not the one that waited longest fails")
                    self._end(request_id, "failed")
                case Close(environment):
                    self._close(environment)
                case WakeAt(at):
                    self.later(at - self.now, self._expire)

    def _assign(self, request_id: str, environment: PaperEnvironment) -> None:
        self.require(environment in self.current, f"{request_id} is given to an environment that is not current")
        self.require(environment.ready, f"{request_id} is given to an environment that is not ready")
        self.require(environment.job is None, f"{request_id} is given to an environment that has one")
        self.require(environment.code == self.code, f"{request_id} begins on old code")
        self.require(bool(self.waiting), f"{request_id} is served, and does not wait")
        self.require(request_id == self.waiting.popleft(), "not the one that waited longest is served first")
        best = min(RANK[each.readiness] for each in self.free)
        self.require(RANK[environment.readiness] == best, "a readier environment stays free")
        latest = max(each.free_since for each in self.free if RANK[each.readiness] == best)
        self.require(environment.free_since == latest, "not the one that was used last is used again")
        environment.invoke(request_id)

    def _start(self) -> None:
        self.require(self.places < self.most, f"more than {self.most} environments")
        soon = [each for each in self.free if each.readiness is not Readiness.COLD]
        self.require(not soon or self.provisioning, "an environment is started while one is free and warm")
        if self.dice.random() < 0.02:
            self.unmade += 1
            self.later(0, self._never_started)
            return
        environment = PaperEnvironment(self, self.code, self.init_in_invoke)
        self.current.add(environment)
        self.everyone.append(environment)
        self.fleet.started(environment)
        self.later(self.dice.choice((0, 1, 5)), lambda: self._opened(environment))

    def _never_started(self) -> None:
        """As Pool._never_started does."""
        self.unmade -= 1
        self._fail_one(self.fleet.never_started)

    def _opened(self, environment: PaperEnvironment) -> None:
        if environment.closed:
            return
        if self.dice.random() < 0.05:
            self.current.discard(environment)
            environment.close()
            self._fail_one(lambda: self.fleet.failed(environment))
        else:
            environment.open()

    def _fail_one(self, tell: Callable[[], list[Action[str, PaperEnvironment]]]) -> None:
        """Tell the fleet that an environment has failed: one invocation fails with it if none is coming for it."""
        failing = min(max(self.uncovered, 0), 1)
        actions = tell()
        failed = sum(isinstance(action, Fail) for action in actions)
        self.require(failed == failing, f"{failed} fail with an environment, not {failing}")
        self.perform(actions)

    def _throttle(self, request_id: str, max_queued: int) -> None:
        self.require(request_id == self.waiting.pop(), "not the one that came last is throttled")
        self.require(not self.free, f"{request_id} is throttled while an environment is free")
        self.require(self.places >= self.most, f"{request_id} is throttled before there are {self.most}")
        self.require(self.uncovered + 1 > max_queued, f"{request_id} is throttled and might have waited")
        self._end(request_id, "throttled")

    def _close(self, environment: PaperEnvironment) -> None:
        self.require(not environment.closed, "an environment is ended twice")
        on_old_code = environment.code != self.code
        idle = self.idle_ms is not None and self.now - environment.free_since >= self.idle_ms - 1e-6
        self.require(self.shut or on_old_code or idle, "an environment is ended before its time")
        self.require(self.shut or environment.job is None, "an environment is ended in mid-invocation")
        self.current.discard(environment)
        environment.close()

    def _expire(self) -> None:
        self.perform(self.fleet.expire(self.now))

    # -- what environments tell

    def available(self, environment: PaperEnvironment) -> None:
        """As Pool._available does."""
        if environment.closed:
            return
        environment.ready = True
        environment.free_since = self.now
        self.perform(self.fleet.available(environment, self.now))

    def completed(self, environment: PaperEnvironment, outcome: fx.Outcome) -> None:
        self.require(environment.job == outcome.request_id, f"{outcome.request_id} is not what ran there")
        environment.job = None
        self._end(outcome.request_id, outcome.status)

    def _end(self, request_id: str, fate: str) -> None:
        self.require(
            self.fates[request_id] == "open", f"{request_id} is {fate} after it was {self.fates[request_id]}"
        )
        self.fates[request_id] = fate

    # -- the rules that hold at any time

    @property
    def free(self) -> list[PaperEnvironment]:
        return [each for each in self.current if each.ready and each.job is None]

    @property
    def uncovered(self) -> int:
        """How many wait without an environment being on its way for them."""
        return len(self.waiting) - sum(not each.ready for each in self.current) - self.unmade

    @property
    def places(self) -> int:
        """How many environments count towards the limit."""
        return len(self.current) + self.unmade

    def look(self) -> None:
        if self.shut:
            return
        self.require(len(self.current) <= self.most, f"{len(self.current)} environments, at most {self.most}")
        free = self.free
        if self.waiting:
            soon = [each for each in free if each.readiness is not Readiness.COLD]
            self.require(not soon, "somebody waits while an environment is free and warm")
        if self.uncovered > 0:
            self.require(not free and self.places >= self.most, "somebody waits and nothing is started for it")
        if self.idle_ms is not None:
            longest = max((self.now - each.free_since for each in free), default=0.0)
            self.require(longest <= self.idle_ms + 1, f"an environment has been free for {longest:.0f} ms")

    def later(self, delay_ms: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (self.now + max(delay_ms, 0), next(self._order), what))

    def require(self, holds: bool, rule: str) -> None:
        if not holds:
            raise Broken(f"{rule} (at {self.now:.0f} ms, {self.fleet!r}, code {self.code}, shut {self.shut})")
