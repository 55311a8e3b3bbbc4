"""Which execution environment takes which invocation, when another one is started, and when one is ended.

A `Fleet` is the set of environments of one function version. Each method takes what happened and returns what to do
about it, in order; environments and invocations are opaque to it. An invocation is assigned only when an environment
is free for it: the one that started an environment may be taken by another that is free earlier. `now` is a monotonic
time in milliseconds.

An environment has as many slots as it may run invocations at once; free slots are filled before another environment
is started. Once an invocation names a tenant, an environment serves only the tenant that it has served first (those
that name none count as one tenant), and one that is idle makes room for a tenant that has none.

Environments are of two kinds. Those on demand are started for invocations, end when they are idle, and count towards
the fleet's own limit and its capacity. Provisioned ones are kept initialised, as many as `keep` was told: they come
first when an invocation is assigned, are replaced when they lose their runtime, and count towards no limit.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from .capacity import Capacity
from .fleet_actions import Assign, Close, Environment, Fail, Provision, Readiness, Start, Throttle, WakeAt
from .fleet_members import Members, end_one

if TYPE_CHECKING:
    from .fleet_actions import Action

__all__ = ["Fleet"]

WARM, COLD = Readiness.WARM, Readiness.COLD  # looking an enum's member up is slow on Python 3.11

E = TypeVar("E", bound=Environment)
I = TypeVar("I")  # noqa: E741 - an invocation


class _Entry(NamedTuple, Generic[I]):
    """An invocation that waits."""

    invocation: I
    tenant: str | None


class Fleet(Members[E], Generic[I, E]):
    """The environments of one function version, and the invocations that wait for one.

    At most `most` environments on demand with `slots` each, and no more than `capacity` has room for; one that has
    been idle for `idle_ms` is ended, None means never. An invocation waits only while there is an environment that it
    could get.
    """

    def __init__(
        self, most: int, idle_ms: float | None = None, slots: int = 1, capacity: Capacity[E] | None = None
    ) -> None:
        super().__init__(slots)
        self._most = most
        self._idle_ms = idle_ms
        self._waiting: deque[_Entry[I]] = deque()
        self._wakes = False
        self._capacity: Capacity[E] = capacity or Capacity()
        self._capacity.join(self, 0)

    def __repr__(self) -> str:
        return (
            f"<Fleet {len(self._waiting)} waiting, {len(self._free)} free, {self._coming} coming, "
            f"{len(self._busy)} busy, {len(self._retired)} retired, at most {self._most} of {self._slots}, "
            f"{len(self._provisioned)} of {self._provisioning.wanted} provisioned>"
        )

    @property
    def waiting(self) -> int:
        """How many invocations wait."""
        return len(self._waiting)

    @property
    def _uncovered(self) -> int:
        """How many wait for whom no slot is on its way; a tenant may need a whole environment of its own."""
        return len(self._waiting) - self._coming * (self._slots if self._tenants is None else 1)

    def take(self) -> E | None:
        """An environment for an invocation without a tenant that arrives now, if one can take it at once.

        The fast path of `submit`: no invocation waits, and an environment is warm or about to be.
        """
        if self._waiting or not self._free:
            return None
        environment = None
        if self._tenants is None and not self._provisioned:
            environment = next(reversed(self._free))  # the one used last, which `_choose` takes, too, if it is warm
        if environment is None or environment.readiness is not WARM:
            environment = self._choose(None)
            if environment is None:
                return None
        if self._slots == 1 and self._tenants is None:  # as `_occupy`, without the cost of a call
            del self._free[environment]
            self._busy[environment] = 1
        else:
            self._occupy(environment, None)
        return environment

    def submit(self, invocation: I, max_queued: int, tenant: str | None = None) -> list[Action[I, E]]:
        """Assign this, start an environment for it, or throttle it when more than `max_queued` are queued already."""
        if tenant is not None and self._tenants is None:
            self._tenants = dict.fromkeys((*self._free, *self._busy))  # they may have served who names no tenant
        entry = _Entry(invocation, tenant)
        self._waiting.append(entry)
        actions = self._assign()
        if self._waiting and self._waiting[-1] is entry and self._uncovered > max_queued:
            actions.append(self._throttle(self._waiting.pop()))
        return actions

    def start_ahead(self) -> list[Action[I, E]]:
        """Start an environment on demand before there is an invocation for it."""
        return [] if len(self) >= self._most or self._capacity.is_full else self._start(1)

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
        if self._uncovered > 0:
            actions.append(Fail(self._waiting.popleft().invocation))
        return actions + self._assign()

    def available(self, environment: E, now: float) -> list[Action[I, E]]:
        """Its init has ended, or the outcome of its invocation is known: it may take another one."""
        if environment in self._busy:
            if self._slots == 1:
                del self._busy[environment]
            else:
                self._free.pop(environment, None)  # to the end: it is the one used last
                end_one(self._busy, environment)
            if self._provisioned and self._is_spent(environment):
                return self._renew(environment)
        elif environment in self._starting:
            self._starting.discard(environment)
        elif environment in self._retired:
            end_one(self._retired, environment)
            return [] if environment in self._retired else [Close(environment)]
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
        """End the environments that have been idle for too long."""
        self._wakes = False
        actions: list[Action[I, E]] = []
        if self._idle_ms is None:
            return actions
        for environment in self._idle():
            due = self._free[environment] + self._idle_ms
            if due > now:
                self._wakes = True
                actions.append(WakeAt(due))
                break
            actions.append(self._give_up(environment))
        return actions

    def replace(self, most: int, slots: int = 1) -> list[Action[I, E]]:
        """The code has changed: running invocations may finish on the old code, new ones start on the new.

        The old environments do not count towards `most`, the new limit.
        """
        self._capacity.release(len(self) - self._announced)
        self._most, self._slots = most, slots
        actions: list[Action[I, E]] = [Close(each) for each in self._at_rest()]
        self._retired |= self._busy
        for group in (self._free, self._starting, self._busy):
            group.clear()
        if self._tenants is not None:
            self._tenants.clear()
        self._provisioning.forget()
        return actions + self._provision() + self._assign()

    def shut(self) -> list[Action[I, E]]:
        """End every environment, and fail the invocations that wait."""
        self._capacity.leave(self, len(self))
        self._capacity = Capacity()
        actions: list[Action[I, E]] = [Fail(entry.invocation) for entry in self._waiting]
        actions += [Close(each) for each in (*self._at_rest(), *self._busy, *self._retired)]
        for group in (self._waiting, self._free, self._starting, self._busy, self._retired):
            group.clear()
        self._provisioning.want(0)
        self._provisioning.forget()
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
        """End idle environments as long as there are more than there may be."""
        actions: list[Action[I, E]] = []
        for environment in self._idle():
            if not self._is_too_many:
                break
            actions.append(self._give_up(environment))
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
            self._retire(environment)
            self._capacity.release(1)
        return actions + self._assign()

    @property
    def _is_too_many(self) -> bool:
        return len(self) > self._most or (self._capacity.is_exceeded and len(self) > 0)

    @property
    def idle_since(self) -> float | None:
        """Since when the environment on demand that has been idle for longest is free; None: none is idle."""
        return next((self._free[environment] for environment in self._idle()), None)

    def give_up_idle(self) -> Close[E]:
        """Give up that environment to another fleet of the capacity."""
        return self._give_up(next(iter(self._idle())))

    def _give_up(self, environment: E) -> Close[E]:
        self._capacity.release(1)
        return self._close_free(environment)

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
        """A runtime has exited: if that leaves an idle provisioned environment without one, replace it.

        One whose runtime has exited before any invocation is not tried again: its init has failed, if a little late.
        """
        if environment not in self._free or not self._is_spent(environment):
            return []
        self._provisioning.given_up += self._free[environment] == self._provisioned[environment]
        return self._renew(environment)

    def _renew(self, environment: E) -> list[Action[I, E]]:
        del self._provisioned[environment]
        self._free.setdefault(environment, 0.0)
        return [self._close_free(environment), *self._provision(), *self._assign()]

    def _give_up_provisioned(self) -> list[Action[I, E]]:
        self._provisioning.give_up()
        return self._assign()

    def _provision(self) -> list[Action[I, E]]:
        return [Provision()] * self._provisioning.announce()

    def _unprovision(self) -> list[Action[I, E]]:
        """End those that are too many: first what is not initialised yet, then what is idle; busy ones may finish."""
        actions: list[Action[I, E]] = []
        books = self._provisioning
        while books.missing < 0 and books.initialising:
            actions.append(Close(books.initialising.pop()))
        for environment in sorted(self._provisioned, key=self._busy.__contains__):
            if books.missing >= 0:
                break
            del self._provisioned[environment]
            if environment in self._busy:
                self._retire(environment)
            else:
                actions.append(self._close_free(environment))
        return actions

    # -- the pass

    def _assign(self) -> list[Action[I, E]]:
        """Assign waiting invocations to free slots, best first, then start as many environments as are missing."""
        actions: list[Action[I, E]] = []
        waiting, place = self._waiting, 0
        while place < len(waiting) and self._free:
            environment = self._choose(waiting[place].tenant)
            if environment is not None:
                self._occupy(environment, waiting[place].tenant)
                actions.append(Assign(waiting[place].invocation, environment))
                del waiting[place]
            elif self._tenants is None:
                break
            else:
                place += 1  # nothing is free for this tenant; there may be for the next one
        missing = self._uncovered if self._tenants is not None else -(-self._uncovered // self._slots)
        if missing > 0:
            actions += self._start(missing)
        if waiting and not self._has_any:
            actions += [self._throttle(entry) for entry in waiting]
            waiting.clear()
        return actions

    def _start(self, missing: int) -> list[Action[I, E]]:
        """Start environments, in the room that there is; where tenants keep it taken, their idle ones make room."""
        in_the_way = self._idle()[: max(missing - self._most + len(self), 0)] if self._tenants is not None else []
        actions: list[Action[I, E]] = [self._give_up(environment) for environment in in_the_way]
        wanted = min(missing, self._most - len(self))
        if wanted > 0:
            granted, closed = self._capacity.claim(wanted)
            self._announced += granted
            actions += [*closed, *[Start()] * granted]
        return actions

    def _throttle(self, entry: _Entry[I]) -> Throttle[I]:
        return Throttle(entry.invocation, shared=len(self) < self._most)

    def _choose(self, tenant: str | None) -> E | None:
        """The free environment that is ready soonest; of several, a provisioned one, then the one used last.

        So the others may expire. A cold one is as slow as a new one, so it is chosen only when no starting
        environment is left to wait for.
        """
        finishing = cold = None
        tenants = self._tenants
        for environment in self._provisioned_first() if self._provisioned else reversed(self._free):
            if tenants is not None and tenants.get(environment, tenant) != tenant:
                continue
            readiness = environment.readiness
            if readiness is WARM:
                return environment
            if readiness is COLD and environment not in self._busy:  # a busy one is being started already
                cold = environment if cold is None else cold
            elif finishing is None:
                finishing = environment
        if finishing is None and self._uncovered > 0:
            return cold
        return finishing
