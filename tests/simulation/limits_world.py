"""A pool whose limits change, that shares its capacity with another function, and keeps environments initialised."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, cast

from runtime_api.protocol.capacity import UNBOUNDED, Capacity
from runtime_api.protocol.concurrency import Fleet
from runtime_api.protocol.fleet_actions import Assign, Close, Provision, Throttle

from .fleet_runtime import PaperEnvironment
from .fleet_world import COLD, FleetWorld, rank

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from runtime_api.protocol.fleet_actions import Action

    from .fleet_world import Make

__all__ = ["LimitsWorld"]

LIMITS = (UNBOUNDED, 1, 2, 4, 8)


class Neighbour:
    """The fleet of another function, as far as the capacity that both share sees it."""

    def __init__(self, world: LimitsWorld) -> None:
        self.world = world
        self.idle: deque[float] = deque()
        self.busy = 0
        world.capacity.join(self, 0)

    def __len__(self) -> int:
        return len(self.idle) + self.busy

    @property
    def idle_since(self) -> float | None:
        return self.idle[0] if self.idle else None

    def give_up_idle(self) -> Close[PaperEnvironment]:
        self.idle.popleft()
        self.world.capacity.release(1)
        self.world.made_room = True
        return Close(cast("PaperEnvironment", self))

    def do_something(self) -> None:
        """Need environments, get one back, or end those that are idle."""
        capacity, fate = self.world.capacity, self.world.dice.random()
        if fate < 0.5:
            wanted = self.world.dice.choice((1, 2, 3))
            could = capacity.most - capacity.used + len(self.idle) + len(self.world.idle)
            granted, closed = capacity.claim(wanted)
            self.busy += granted
            self.world.require(granted == max(0, min(wanted, could)), "a place is free, and nobody gets it")
            self.world.make_room(closed)
        elif self.busy and fate < 0.85:
            self.busy -= 1
            self.idle.append(self.world.now)
        else:
            self.shed_idle(len(self.idle))

    def shed_idle(self, count: int) -> None:
        """End so many idle environments."""
        for _ in range(min(count, len(self.idle))):
            self.idle.popleft()
            self.world.capacity.release(1)

    def shed(self) -> None:
        """As Fleet.shed does."""
        capacity = self.world.capacity
        while capacity.is_exceeded and self.busy:
            self.busy -= 1
            capacity.release(1)


class LimitsWorld(FleetWorld):
    """What a FleetWorld is, with limits that come and go."""

    def __init__(
        self, dice: random.Random, make: Make = Fleet, capacity: Callable[[], Capacity[PaperEnvironment]] = Capacity
    ):
        self.making_capacity = capacity
        super().__init__(dice, make)
        self.capacity.most = dice.choice(LIMITS)
        self.neighbour = Neighbour(self)
        self.wanted = 0  # provisioned environments
        self.unprovided = 0  # asked for, could not be made, and the fleet has not been told yet
        self.failures = 0  # of provisioned environments that are not tried again
        self.leaving: set[PaperEnvironment] = set()  # too many, and busy: they may finish
        self.shedding = self.lowering = self.making_room = False
        self.made_room = False  # the neighbour has, for an environment here

    def a_capacity(self) -> Capacity[PaperEnvironment]:
        return self.making_capacity()

    def _something(self) -> None:
        if self.shut:
            return
        fate = self.dice.random()
        if fate < 0.1 and self.tenants == (None,):  # nothing is provisioned for a function with tenants
            self._keep(self.dice.choice((0, 1, 2, 4)))
        elif fate < 0.2:
            self._limit()
        elif fate < 0.4:
            self.neighbour.do_something()
        else:
            super()._something()

    def _keep(self, count: int) -> None:
        self.wanted, self.failures = count, 0
        actions = self.fleet.keep(count)
        self.lowering = True
        self.perform(action for action in actions if isinstance(action, Close))
        self.lowering = False
        self._let_go(self.provisioned, len(self.provisioned) + self.unprovided - count)
        self.perform(action for action in actions if not isinstance(action, Close))

    def _limit(self) -> None:
        """As LocalDispatch.allot does."""
        self.most = self.dice.choice((1, 2, 3, 8))
        self.capacity.most = self.dice.choice((*LIMITS, 0))
        self.fleet.limit(self.most, self.capacity)
        self.shedding = True
        self.perform(self.fleet.shed_idle())
        self.neighbour.shed_idle(self.capacity.used - self.capacity.most)
        actions = self.fleet.shed()
        self.perform(action for action in actions if isinstance(action, Close))
        self.shedding = False
        excess = max(self.places - self.most, self.places + len(self.neighbour) - self.capacity.most)
        self._let_go(self.on_demand, excess)
        self.perform(action for action in actions if not isinstance(action, Close))
        self.neighbour.shed()
        self.require(bool(self.unmade) or not self.capacity.is_exceeded, "more stay than there may be")

    def _let_go(self, group: list[PaperEnvironment], excess: int) -> None:
        """Of these, the busy ones that are too many may finish what they run."""
        busy = [each for each in group if each.jobs]
        leaving = {each for each in busy if each in self.fleet._retired}
        self.require(len(leaving) == max(0, min(excess, len(busy))), f"{len(leaving)} may finish, not {excess}")
        idle = any(each.ready and not each.jobs for each in group)
        self.require(not leaving or not idle, "a busy environment is ended before an idle one")
        self.leaving |= leaving
        self.current -= leaving

    def _replace(self) -> None:
        self.failures = 0
        super()._replace()

    # -- what the fleet asks for

    def perform(self, actions: Iterable[Action[str, PaperEnvironment]], max_queued: int = 0) -> None:
        if self.made_room:
            self.made_room = False
            self.require(self.capacity.used == self.capacity.most, "more make room than is needed")
        actions = list(actions)
        self.decided |= {action.invocation for action in actions if isinstance(action, Assign)}
        for action in actions:
            match action:
                case Provision():
                    self._provision()
                case Close(environment) if environment is self.neighbour:
                    pass  # it has given it up itself
                case Throttle(_, shared):
                    self.require(shared == (self.places < self.most), "the wrong limit is said to be reached")
                    super().perform([action], max_queued)
                case _:
                    super().perform([action], max_queued)

    def make_room(self, closed: Iterable[Close[PaperEnvironment]]) -> None:
        """End what the neighbour takes the place of."""
        self.making_room = True
        self.perform(closed)
        self.making_room = False

    def _provision(self) -> None:
        self.require(self.is_missing, f"more than {self.wanted} are provisioned")
        if self.dice.random() < 0.02:
            self.unprovided += 1
            self.later(0, self._never_provisioned)
            return
        environment = PaperEnvironment(self, self.code, self.init_in_invoke, self.slots, provisioned=True)
        self.current.add(environment)
        self.everyone.append(environment)
        self.fleet.provisioned(environment)
        self.later(self.dice.choice((0, 1, 5)), lambda: self._opened(environment))

    def _never_provisioned(self) -> None:
        self.unprovided -= 1
        self.failures += self.is_missing
        self.perform(self.fleet.never_provisioned())

    def _opened(self, environment: PaperEnvironment) -> None:
        if environment.closed or not environment.provisioned or self.dice.random() > 0.05:
            super()._opened(environment)
            return
        self._fail(environment)
        environment.close()
        self.perform(self.fleet.failed(environment))

    def _cannot_open(self, environment: PaperEnvironment) -> bool:
        return not environment.provisioned and super()._cannot_open(environment)

    def _fail(self, environment: PaperEnvironment) -> None:
        """Its init has failed: it is not tried again."""
        self.current.discard(environment)
        self.failures += self.is_missing

    def before_available(self, environment: PaperEnvironment) -> None:
        if environment.provisioned and not environment.ready and environment.readiness.value == "cold":
            self._fail(environment)

    def lost(self, environment: PaperEnvironment) -> None:
        idle = environment in self.current and environment.ready and not environment.jobs
        if idle and not environment.has_served and rank(environment) == COLD:
            self._fail(environment)
        super().lost(environment)

    def _throttle(self, request_id: str, max_queued: int) -> None:
        if self.current or self.places or self.unprovided:
            super()._throttle(request_id, max_queued)
            return
        self.require(self.is_full, f"{request_id} is throttled before there are {self.most}")
        self.require(request_id == self.waiting.popleft().request_id, "not the one that waited longest is throttled")
        self._end(request_id, "throttled")

    def may_close(self, environment: PaperEnvironment) -> bool:
        if environment in self.leaving:
            return True
        if environment.provisioned:
            return self.lowering or rank(environment) == COLD
        if self.making_room:
            others = [*(each.free_since for each in self.idle), *self.neighbour.idle]
            self.require(environment.free_since <= min(others), "not the one that was idle longest makes room")
        # Where tenants take all of the capacity, an idle environment makes room for another one of its own fleet.
        itself = self.has_tenants and self.capacity.used >= self.capacity.most
        return self.shedding or self.making_room or itself

    # -- the rules that hold at any time

    @property
    def provisioned(self) -> list[PaperEnvironment]:
        return [each for each in self.current if each.provisioned]

    @property
    def is_missing(self) -> bool:
        """Whether one more provisioned environment is wanted."""
        return len(self.provisioned) + self.unprovided + self.failures < self.wanted

    @property
    def idle(self) -> list[PaperEnvironment]:
        """Those on demand that run nothing."""
        return [each for each in self.on_demand if each.ready and not each.jobs]

    @property
    def elsewhere(self) -> int:
        return len(self.neighbour)

    @property
    def is_full(self) -> bool:
        return super().is_full or (self.capacity.used >= self.capacity.most and not self.neighbour.idle)

    @property
    def may_wait(self) -> bool:
        return super().may_wait or self.capacity.most < UNBOUNDED  # nobody tells a fleet that there is room again

    def look(self) -> None:
        super().look()
        if self.shut:
            return
        ready = [each for each in self.provisioned if each.ready]
        spent = [each for each in ready if not each.jobs and rank(each) == COLD and not each.has_process]
        self.require(not spent, "a provisioned environment stays without a runtime")
        found, books = self.fleet.allocation, (self.wanted, len(ready), self.failures)
        self.require(found[:3] == books, f"{found} is shown, and there are {books}")
        self.require(not self.is_missing, "a provisioned environment is missing")
        anything = self.current or self.unmade or self.unprovided
        self.require(not self.waiting or bool(anything), "somebody waits for nothing at all")
