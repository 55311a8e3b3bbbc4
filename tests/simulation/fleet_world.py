"""A pool in a world of chance: callers, environments on paper, a heap for a clock, and the rules that must hold.

What engine/pool.py does with a `Fleet`'s actions is done here without an event loop. Whatever the dice say, the rules
checked here must hold; `Broken` says which one did not. The world keeps its own books and believes the fleet nothing.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.protocol.capacity import Capacity
from runtime_api.protocol.concurrency import Fleet
from runtime_api.protocol.fleet_actions import Assign, Close, Fail, Readiness, Start, Throttle, WakeAt

from .fleet_runtime import PaperEnvironment

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from runtime_api.protocol import effects as fx
    from runtime_api.protocol.fleet_actions import Action

__all__ = ["Broken", "FleetWorld", "Made", "Make", "Waiting", "rank"]

Made = Fleet[str, PaperEnvironment]
Make = Callable[[int, float | None, int, Capacity[PaperEnvironment]], Made]
STEPS = 60  # things that callers and users do in one world
EVENTS = 20_000  # more than any world has
WARM, FINISHING, COLD = 0, 1, 2


class Broken(AssertionError):
    """A rule did not hold."""


class Waiting(NamedTuple):
    """A caller."""

    request_id: str
    tenant: str | None


def rank(environment: PaperEnvironment) -> int:
    """How soon it is ready; one without a runtime that has invocations is being started for them."""
    if environment.readiness is Readiness.COLD:
        return FINISHING if environment.jobs else COLD
    return WARM if environment.readiness is Readiness.WARM else FINISHING


class FleetWorld:
    """One function's pool, from the first caller to the end."""

    def __init__(self, dice: random.Random, make: Make = Fleet) -> None:
        self.dice = dice
        self.now = 1000.0
        self.most = dice.choice((1, 1, 2, 3, 8))
        self.idle_ms = dice.choice((None, 0.0, 200.0, 2000.0, 20_000.0))
        self.init_in_invoke = dice.random() < 0.2
        self.max_queued = dice.choice((0, 0, 2, 5))  # of those who may wait
        self.slots = dice.choice((1, 1, 1, 2, 4))
        self.tenants = dice.choice(((None,), (None,), ("a", "b"), (None, "a", "b", "c")))
        self.has_tenants = False  # an invocation has named one
        self.capacity = self.a_capacity()
        self.fleet = make(self.most, self.idle_ms, self.slots, self.capacity)
        self.code = 0
        self.current: set[PaperEnvironment] = set()  # neither closed nor on old code
        self.unmade = 0  # asked for, could not be made, and the fleet has not been told yet
        self.everyone: list[PaperEnvironment] = []
        self.waiting: deque[Waiting] = deque()
        self.arriving: str | None = None  # whom a pool is being asked to run
        self.decided: set[str] = set()  # who has been assigned, maybe in this very moment
        self.fates: dict[str, str] = {}
        self.asked = itertools.count(1)
        self.shut = self.provisioning = False
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def a_capacity(self) -> Capacity[PaperEnvironment]:
        return Capacity()

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
            self.require(self.shut or not self.on_demand, "an idle environment was never ended")
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
        request_id, tenant = f"r{next(self.asked)}", self.dice.choice(self.tenants)
        self.fates[request_id] = "open"
        caller = Waiting(request_id, tenant)
        self.waiting.append(caller)
        if tenant is not None and not self.has_tenants:
            self.has_tenants = True
            for each in self.current:  # whom a free one has served is not known: nobody who names a tenant gets it
                each.has_served |= each.ready
        environment = self.fleet.take() if tenant is None else None
        if environment is not None:
            self._assign(request_id, environment)
        else:
            self.arriving = request_id
            self.perform(self.fleet.submit(request_id, max_queued, tenant), max_queued)
            self.arriving = None
        waits = caller in self.waiting and self.uncovered > max_queued and not self.has_tenants
        self.require(not waits, f"{request_id} waits, and may not")
        self.look()

    def _replace(self) -> None:
        self.code += 1
        self.most = self.dice.choice((1, 2, 3, 8))
        slots = self.dice.choice((self.slots, 1, 2))
        kept = {each for each in self.current if each.jobs}
        closing = self.current - kept
        self.current.clear()
        self.slots = slots
        self.perform(self.fleet.replace(self.most, slots))
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
        actions = list(actions)
        # An environment that fails at once is free again before the rest of the actions has been performed.
        self.decided |= {action.invocation for action in actions if isinstance(action, Assign)}
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
                    first = self.waiting.popleft()
                    self.require(request_id == first.request_id, "not the one that waited longest fails")
                    self._end(request_id, "failed")
                case Close(environment):
                    self._close(environment)
                case WakeAt(at):
                    self.later(at - self.now, self._expire)

    def _assign(self, request_id: str, environment: PaperEnvironment) -> None:
        self.require(environment in self.current, f"{request_id} is given to an environment that is not current")
        self.require(environment.ready, f"{request_id} is given to an environment that is not ready")
        self.require(len(environment.jobs) < self.slots, f"{request_id} is given to an environment without a slot")
        self.require(environment.code == self.code, f"{request_id} begins on old code")
        caller = next((each for each in self.waiting if each.request_id == request_id), None)
        if caller is None:
            raise Broken(f"{request_id} is served, and does not wait")
        before = itertools.takewhile(lambda each: each is not caller, self.waiting)
        passed = [each for each in before if each.tenant == caller.tenant and each.request_id not in self.decided]
        self.require(not passed, "not the one of its tenant that waited longest is served first")
        self.require(self.fits(environment, caller), f"{request_id} is given to an environment of another tenant")
        free = self.free_for(caller)
        best = min(rank(each) for each in free)
        self.require(rank(environment) == best, "a readier environment stays free")
        as_good = [each for each in free if rank(each) == best]
        provisioned = any(each.provisioned for each in as_good)
        self.require(environment.provisioned == provisioned, "a provisioned environment stays free")
        latest = max(each.free_since for each in as_good if each.provisioned == provisioned)
        self.require(environment.free_since == latest, "not the one that was used last is used again")
        self.waiting.remove(caller)
        environment.has_served, environment.tenant = True, caller.tenant
        environment.invoke(request_id)

    def _start(self) -> None:
        self.require(self.places < self.most, f"more than {self.most} environments")
        self.require(not self.soon or self.provisioning, "an environment is started while one is free and warm")
        if self.dice.random() < 0.02:
            self.unmade += 1
            self.later(0, self._never_started)
            return
        environment = PaperEnvironment(self, self.code, self.init_in_invoke, self.slots)
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
        if self._cannot_open(environment):
            self.current.discard(environment)
            environment.close()
            self._fail_one(lambda: self.fleet.failed(environment))
        else:
            environment.open()

    def _cannot_open(self, _environment: PaperEnvironment) -> bool:
        return self.dice.random() < 0.05

    def _fail_one(self, tell: Callable[[], list[Action[str, PaperEnvironment]]]) -> None:
        """Tell the fleet that an environment has failed: one invocation fails with it if none is coming for it."""
        failing = min(max(self.uncovered, 0), 1)
        actions = tell()
        failed = sum(isinstance(action, Fail) for action in actions)
        self.require(failed == failing, f"{failed} fail with an environment, not {failing}")
        self.perform(actions)

    def _throttle(self, request_id: str, max_queued: int) -> None:
        caller = self.waiting.pop()
        came_last = request_id == caller.request_id == self.arriving
        self.require(came_last, "not the one that came last is throttled")
        self.require(not self.free_for(caller), f"{request_id} is throttled while an environment is free")
        self.require(self.is_full, f"{request_id} is throttled before there are {self.most}")
        self.require(self.uncovered + 1 > max_queued, f"{request_id} is throttled and might have waited")
        self.require(not self.in_the_way, f"{request_id} is throttled while an idle environment is in its way")
        self._end(request_id, "throttled")

    def _close(self, environment: PaperEnvironment) -> None:
        self.require(not environment.closed, "an environment is ended twice")
        on_old_code = environment.code != self.code
        idle = self.idle_ms is not None and self.now - environment.free_since >= self.idle_ms - 1e-6
        in_the_way = environment in self.in_the_way and self.uncovered > 0
        if not idle and in_the_way:
            longest = min(each.free_since for each in self.in_the_way)
            self.require(environment.free_since == longest, "not the one that was idle longest makes room")
        in_time = self.shut or on_old_code or (idle and not environment.provisioned) or in_the_way
        self.require(in_time or self.may_close(environment), "an environment is ended before its time")
        self.require(self.shut or not environment.jobs, "an environment is ended in mid-invocation")
        self.current.discard(environment)
        environment.close()

    def may_close(self, _environment: PaperEnvironment) -> bool:
        """Whether there is another reason to end it."""
        return False

    def _expire(self) -> None:
        self.perform(self.fleet.expire(self.now))

    # -- what environments tell

    def available(self, environment: PaperEnvironment) -> None:
        """As Pool._available does."""
        if environment.closed:
            return
        self.before_available(environment)
        environment.ready = True
        environment.free_since = self.now
        self.perform(self.fleet.available(environment, self.now))

    def before_available(self, environment: PaperEnvironment) -> None:
        """Something has happened in it that the fleet is about to be told."""

    def lost(self, environment: PaperEnvironment) -> None:
        """As Pool._lost does."""
        if not environment.closed:
            self.perform(self.fleet.lost(environment))

    def completed(self, environment: PaperEnvironment, outcome: fx.Outcome) -> None:
        self.require(outcome.request_id in environment.jobs, f"{outcome.request_id} is not what ran there")
        environment.jobs.remove(outcome.request_id)
        self._end(outcome.request_id, outcome.status)

    def _end(self, request_id: str, fate: str) -> None:
        self.require(
            self.fates[request_id] == "open", f"{request_id} is {fate} after it was {self.fates[request_id]}"
        )
        self.fates[request_id] = fate

    # -- the rules that hold at any time

    @property
    def free(self) -> list[PaperEnvironment]:
        """Those with a free slot."""
        return [each for each in self.current if each.ready and len(each.jobs) < self.slots]

    def fits(self, environment: PaperEnvironment, caller: Waiting) -> bool:
        """Whether it has served nobody else than the caller's tenant."""
        return not self.has_tenants or not environment.has_served or environment.tenant == caller.tenant

    def free_for(self, caller: Waiting) -> list[PaperEnvironment]:
        return [each for each in self.free if self.fits(each, caller)]

    @property
    def soon(self) -> list[PaperEnvironment]:
        """Free and warm ones that somebody who waits could have."""
        warm = [each for each in self.free if rank(each) < COLD]
        return [each for each in warm if any(self.fits(each, caller) for caller in self.waiting)]

    @property
    def in_the_way(self) -> list[PaperEnvironment]:
        """Idle ones that have served another tenant than those who wait, when there is no room for one more."""
        if not self.has_tenants or self.places < self.most:
            return []
        return [each for each in self.on_demand if each.ready and not each.jobs]

    @property
    def on_demand(self) -> list[PaperEnvironment]:
        """Those that are not provisioned."""
        return [each for each in self.current if not each.provisioned]

    @property
    def uncovered(self) -> int:
        """How many wait without a slot being on its way for them."""
        coming = sum(not each.ready for each in self.on_demand) + self.unmade
        return len(self.waiting) - coming * (1 if self.has_tenants else self.slots)

    @property
    def places(self) -> int:
        """How many environments count towards the limit."""
        return len(self.on_demand) + self.unmade

    @property
    def may_wait(self) -> bool:
        """Whether somebody may wait although nothing is started for it."""
        return self.is_full

    @property
    def is_full(self) -> bool:
        """Whether no further environment may be started."""
        return self.places >= self.most

    def look(self) -> None:
        if self.shut:
            return
        here = len(self.on_demand)
        self.require(here <= self.most, f"{here} environments, at most {self.most}")
        self.require(self.capacity.used == self.places + self.elsewhere, "the capacity counts other environments")
        self.require(not self.soon, "somebody waits while an environment is free and warm")
        if self.uncovered > 0:
            free = any(self.free_for(caller) for caller in self.waiting)
            self.require(not free and self.may_wait, "somebody waits and nothing is started for it")
            self.require(not self.in_the_way, "somebody waits while an idle environment is in the way")
        if self.idle_ms is not None:
            idle = (self.now - each.free_since for each in self.free if not each.jobs and not each.provisioned)
            longest = max(idle, default=0.0)
            self.require(longest <= self.idle_ms + 1, f"an environment has been idle for {longest:.0f} ms")

    @property
    def elsewhere(self) -> int:
        """How many environments of other fleets the capacity counts."""
        return 0

    def later(self, delay_ms: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (self.now + max(delay_ms, 0), next(self._order), what))

    def require(self, holds: bool, rule: str) -> None:
        if not holds:
            raise Broken(f"{rule} (at {self.now:.0f} ms, {self.fleet!r}, code {self.code}, shut {self.shut})")
