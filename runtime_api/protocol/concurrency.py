"""Which execution environment takes which invocation, when another one is started, and when one is ended.

A `Fleet` is the set of environments of one function version. Each method takes what happened and returns what to do
about it, in order; environments and invocations are opaque to it. An invocation is assigned only when an environment
is free for it: the one that started an environment may be taken by another that is free earlier. `now` is a monotonic
time in milliseconds.

Environments are of two kinds. Those on demand are started for invocations, end when they are idle, and count towards
the fleet's own limit and its capacity. Provisioned ones are kept initialised, as many as `keep` was told: they come
first when an invocation is assigned, are replaced when they lose their runtime, and count towards no limit.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from .capacity import Capacity
from .fleet_actions import Assign, Close, Environment, Fail, Provision, Readiness, Start, Throttle, WakeAt
from .provisioning import Provisioning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .fleet_actions import Action
    from .provisioning import Allocation

__all__ = ["Fleet"]

WARM, COLD = Readiness.WARM, Readiness.COLD  # looking an enum's member up is slow on Python 3.11

E = TypeVar("E", bound=Environment)
I = TypeVar("I")  # noqa: E741 - an invocation


class Fleet(Generic[I, E]):
    """The environments of one function version, and the invocations that wait for one.

    At most `most` environments on demand, and no more than `capacity` has room for; one that has been free for
    `idle_ms` is ended, None means never. An invocation waits only while there is an environment that it could get.
    """

    def __init__(self, most: int, idle_ms: float | None = None, capacity: Capacity[E] | None = None) -> None:
        self._most = most
        self._idle_ms = idle_ms
        self._waiting: deque[I] = deque()
        self._free: dict[E, float] = {}  # since when; in this order
        self._starting: set[E] = set()  # until their init is over
        self._announced = 0  # Start was returned, and `started` has not been called yet
        self._busy: set[E] = set()
        self._retired: set[E] = set()  # busy, and ended when that is over: replaced, or one too many
        self._wakes = False
        self._provisioning: Provisioning[E] = Provisioning()
        self._provisioned = self._provisioning.initialised  # each is free or busy, too
        self._capacity: Capacity[E] = capacity or Capacity()
        self._capacity.join(self, 0)

    def __len__(self) -> int:
        """How many environments on demand there are."""
        return len(self._free) + len(self._busy) - len(self._provisioned) + self._coming

    def __repr__(self) -> str:
        return (
            f"<Fleet {len(self._waiting)} waiting, {len(self._free)} free, {self._coming} coming, "
            f"{len(self._busy)} busy, {len(self._retired)} retired, at most {self._most}; "
            f"{len(self._provisioned)} of {self._provisioning.wanted} provisioned>"
        )

    @property
    def waiting(self) -> int:
        """How many invocations wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many invocations run."""
        return len(self._busy) + len(self._retired)

    @property
    def allocation(self) -> Allocation:
        """How far the provisioned environments have come."""
        return self._provisioning.allocation

    @property
    def _coming(self) -> int:
        return self._announced + len(self._starting)

    def take(self) -> E | None:
        """An environment for an invocation that arrives now, if one can take it at once.

        The fast path of `submit`: no invocation waits, and an environment is warm or about to be.
        """
        if self._waiting or not self._free:
            return None
        environment = self._choose()
        if environment is not None:
            del self._free[environment]
            self._busy.add(environment)
        return environment

    def submit(self, invocation: I, max_queued: int) -> list[Action[I, E]]:
        """Assign this, start an environment for it, or throttle it when more than `max_queued` are queued already."""
        self._waiting.append(invocation)
        actions = self._assign()
        if self._waiting and len(self._waiting) - self._coming > max_queued:
            actions.append(self._throttle(self._waiting.pop()))
        return actions

    def start_ahead(self) -> list[Action[I, E]]:
        """Start an environment on demand before there is an invocation for it."""
        return [] if len(self) >= self._most else self._start(1)

    def started(self, environment: E) -> None:
        """Add the new environment; it becomes `available` when its init has ended, well or badly."""
        self._announced -= 1
        self._starting.add(environment)

    def never_started(self) -> list[Action[I, E]]:
        """Record that an environment asked for by `Start` could not be made, so `started` will not be called."""
        self._announced -= 1
        return self._give_up_one()

    def failed(self, environment: E) -> list[Action[I, E]]:
        """The environment could not be opened: fail what has waited longest instead of trying again."""
        if environment in self._provisioning.initialising:
            self._provisioning.initialising.discard(environment)
            return self._give_up_provisioned()
        if environment not in self._starting:
            return []
        self._starting.discard(environment)
        return self._give_up_one()

    def _give_up_one(self) -> list[Action[I, E]]:
        """Fail the invocation that has waited longest instead of making it wait for the next attempt."""
        self._capacity.release(1)
        actions: list[Action[I, E]] = []
        if len(self._waiting) > self._coming:
            actions.append(Fail(self._waiting.popleft()))
        return actions + self._assign()

    def available(self, environment: E, now: float) -> list[Action[I, E]]:
        """Its init has ended, or the outcome of its invocation is known: it may take another one."""
        if environment in self._busy:
            self._busy.discard(environment)
            if self._provisioned and environment in self._provisioned and environment.readiness is COLD:
                return self._renew(environment)
        elif environment in self._starting:
            self._starting.discard(environment)
        elif environment in self._retired:
            self._retired.discard(environment)
            return [Close(environment)]
        elif environment in self._provisioning.initialising:
            self._provisioning.initialising.discard(environment)
            if environment.readiness is COLD:
                return [Close(environment), *self._give_up_provisioned()]
            self._provisioned[environment] = now
        else:
            return []
        self._free[environment] = now
        actions = self._assign() if self._waiting else []
        if self._idle_ms is not None and not self._wakes and self._free:
            self._wakes = True
            actions.append(WakeAt(now + self._idle_ms))
        return actions

    def expire(self, now: float) -> list[Action[I, E]]:
        """End the environments that have been free for too long."""
        self._wakes = False
        actions: list[Action[I, E]] = []
        if self._idle_ms is None:
            return actions
        for environment, since in self._idle():
            if since + self._idle_ms > now:
                self._wakes = True
                actions.append(WakeAt(since + self._idle_ms))
                break
            actions.append(self._give_up_free(environment))
        return actions

    def replace(self, most: int) -> list[Action[I, E]]:
        """The code has changed: running invocations may finish on the old code, new ones start on the new.

        The old environments do not count towards `most`, the new limit.
        """
        self._capacity.release(len(self) - self._announced)
        self._most = most
        actions: list[Action[I, E]] = [*self._close(self._free), *self._close(self._starting)]
        actions += self._close(self._provisioning.initialising)
        self._retired |= self._busy
        self._busy.clear()
        self._provisioning.forget()
        return actions + self._provision() + self._assign()

    def shut(self) -> list[Action[I, E]]:
        """End every environment, and fail the invocations that wait."""
        self._capacity.leave(self, len(self))
        self._capacity = Capacity()
        groups = (self._free, self._starting, self._provisioning.initialising, self._busy, self._retired)
        actions: list[Action[I, E]] = [Fail(invocation) for invocation in self._waiting]
        self._waiting.clear()
        actions += [action for group in groups for action in self._close(group)]
        self._provisioning.want(0)
        self._provisioning.forget()
        return actions

    def _close(self, group: dict[E, float] | set[E]) -> list[Close[E]]:
        actions = [Close(environment) for environment in group]
        group.clear()
        return actions

    # -- limits that change

    def limit(self, most: int, capacity: Capacity[E]) -> None:
        """Set how many environments there may be from now on; `shed` ends those that are too many."""
        self._most = most
        if capacity is not self._capacity:
            self._capacity.leave(self, len(self))
            capacity.join(self, len(self))
            self._capacity = capacity

    def shed_idle(self) -> list[Action[I, E]]:
        """End free environments as long as there are more than there may be."""
        actions: list[Action[I, E]] = []
        for environment, _since in self._idle():
            if not self._is_too_many:
                break
            actions.append(self._give_up_free(environment))
        return actions

    def shed(self) -> list[Action[I, E]]:
        """End those that are too many, busy ones when they have finished; or start what there is room for now."""
        actions = self.shed_idle()
        while self._is_too_many and self._starting:
            actions.append(Close(self._starting.pop()))
            self._capacity.release(1)
        for environment in [each for each in self._busy if each not in self._provisioned]:
            if not self._is_too_many:
                break
            self._busy.discard(environment)
            self._retired.add(environment)
            self._capacity.release(1)
        return actions + self._assign()

    @property
    def _is_too_many(self) -> bool:
        return len(self) > self._most or (self._capacity.is_exceeded and len(self) > 0)

    @property
    def idle_since(self) -> float | None:
        """Since when the environment on demand that has been free for longest is free; None: none is."""
        return next((since for _environment, since in self._idle()), None)

    def give_up_idle(self) -> Close[E]:
        """Give up that environment to another fleet of the capacity."""
        environment, _since = next(iter(self._idle()))
        return self._give_up_free(environment)

    def _idle(self) -> Iterable[tuple[E, float]]:
        """The free environments on demand, the longest free first."""
        return [each for each in self._free.items() if each[0] not in self._provisioned]

    def _give_up_free(self, environment: E) -> Close[E]:
        del self._free[environment]
        self._capacity.release(1)
        return Close(environment)

    # -- provisioned environments

    def keep(self, count: int) -> list[Action[I, E]]:
        """Keep this many provisioned environments from now on; what has failed is tried again."""
        self._provisioning.want(count)
        return [*self._unprovision(), *self._provision(), *self._assign()]

    def provisioned(self, environment: E) -> None:
        """Add the environment that `Provision` asked for; it is `available` when its init has ended."""
        self._provisioning.announced -= 1
        self._provisioning.initialising.add(environment)

    def never_provisioned(self) -> list[Action[I, E]]:
        """Record that an environment asked for by `Provision` could not be made."""
        self._provisioning.announced -= 1
        return self._give_up_provisioned()

    def lost(self, environment: E) -> list[Action[I, E]]:
        """A runtime has exited: if that leaves a free provisioned environment without one, replace it.

        One whose runtime has exited before any invocation is not tried again: its init has failed, if a little late.
        """
        since = self._free.get(environment)
        if since is None or environment not in self._provisioned or environment.readiness is not COLD:
            return []
        del self._free[environment]
        if since == self._provisioned[environment]:
            self._provisioning.given_up += 1
        return self._renew(environment)

    def _renew(self, environment: E) -> list[Action[I, E]]:
        del self._provisioned[environment]
        return [Close(environment), *self._provision(), *self._assign()]

    def _give_up_provisioned(self) -> list[Action[I, E]]:
        self._provisioning.give_up()
        return self._assign()

    def _provision(self) -> list[Action[I, E]]:
        return [Provision()] * self._provisioning.announce()

    def _unprovision(self) -> list[Action[I, E]]:
        """End those that are too many: first what is not initialised yet, then what is free; busy ones may finish."""
        actions: list[Action[I, E]] = []
        books = self._provisioning
        while books.missing < 0 and books.initialising:
            actions.append(Close(books.initialising.pop()))
        for environment in [each for each in self._free if each in self._provisioned]:
            if books.missing >= 0:
                return actions
            del self._free[environment], self._provisioned[environment]
            actions.append(Close(environment))
        for environment in list(self._provisioned):
            if books.missing >= 0:
                break
            del self._provisioned[environment]
            self._busy.discard(environment)
            self._retired.add(environment)
        return actions

    # -- the pass

    def _assign(self) -> list[Action[I, E]]:
        """Assign waiting invocations to free environments, best first, then start as many as are missing."""
        actions: list[Action[I, E]] = []
        waiting = self._waiting
        while waiting and self._free:
            environment = self._choose()
            if environment is None:
                break
            del self._free[environment]
            self._busy.add(environment)
            actions.append(Assign(waiting.popleft(), environment))
        missing = min(len(waiting) - self._coming, self._most - len(self))
        if missing > 0:
            actions += self._start(missing)
        if waiting and not self._has_any:
            actions += [self._throttle(invocation) for invocation in waiting]
            waiting.clear()
        return actions

    @property
    def _has_any(self) -> bool:
        """Whether there is an environment that an invocation could wait for."""
        return bool(self._free or self._busy or self._coming or self._provisioning.are_coming)

    def _start(self, wanted: int) -> list[Action[I, E]]:
        granted, closed = self._capacity.claim(wanted)
        self._announced += granted
        return [*closed, *[Start()] * granted]

    def _throttle(self, invocation: I) -> Throttle[I]:
        return Throttle(invocation, shared=len(self) < self._most)

    def _choose(self) -> E | None:
        """The free environment that is ready soonest; of several, a provisioned one, then the one used last.

        So the others may expire. A cold one is as slow as a new one, so it is chosen only when no starting
        environment is left to wait for.
        """
        finishing = cold = None
        for environment in self._provisioned_first() if self._provisioned else reversed(self._free):
            readiness = environment.readiness
            if readiness is WARM:
                return environment
            if readiness is COLD:
                cold = environment if cold is None else cold
            elif finishing is None:
                finishing = environment
        if finishing is None and len(self._waiting) > self._coming:
            return cold
        return finishing

    def _provisioned_first(self) -> Iterator[E]:
        for is_provisioned in (True, False):
            for environment in reversed(self._free):
                if (environment in self._provisioned) is is_provisioned:
                    yield environment
