"""Which execution environment takes which invocation, when another one is started, and when one is ended.

A `Fleet` is the set of environments of one function version. Each method takes what happened and returns what to do
about it, in order; environments and invocations are opaque to it. An invocation is assigned only when an environment
is free for it: the one that started an environment may be taken by another that is free earlier. `now` is a monotonic
time in milliseconds.

An environment has as many slots as it may run invocations at once; free slots are filled before another environment
is started. Once an invocation names a tenant, an environment serves only the tenant that it has served first (those
that name none count as one tenant), and one that is idle makes room for a tenant that has none.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Generic, NamedTuple, Protocol, TypeVar

__all__ = ["Action", "Assign", "Close", "Environment", "Fail", "Fleet", "Readiness", "Start", "Throttle", "WakeAt"]


class Readiness(Enum):
    """How soon a free environment could run an invocation."""

    WARM = "warm"  # its runtime waits in /next
    FINISHING = "finishing"  # it has answered, and will soon be back in /next
    COLD = "cold"  # it has no usable runtime: init comes first


WARM, COLD = Readiness.WARM, Readiness.COLD  # looking an enum's member up is slow on Python 3.11


class Environment(Protocol):
    """What a fleet must know of an environment."""

    @property
    def readiness(self) -> Readiness:
        """How soon it could run an invocation."""


E = TypeVar("E", bound=Environment)
I = TypeVar("I")  # noqa: E741 - an invocation


class Assign(NamedTuple, Generic[I, E]):
    """Run this invocation in this environment, now."""

    invocation: I
    environment: E


class Start(NamedTuple):
    """Make a new environment; call `started` with it before anything else."""


class Throttle(NamedTuple, Generic[I]):
    """Refuse this invocation: no environment can take it, and it may not wait."""

    invocation: I


class Fail(NamedTuple, Generic[I]):
    """Fail this invocation: the environment that was started for it could not be opened."""

    invocation: I


class Close(NamedTuple, Generic[E]):
    """End this environment; the fleet has forgotten it."""

    environment: E


class WakeAt(NamedTuple):
    """Call `expire` at this time."""

    at: float


Action = Assign[I, E] | Start | Throttle[I] | Fail[I] | Close[E] | WakeAt


class _Entry(NamedTuple, Generic[I]):
    """An invocation that waits."""

    invocation: I
    tenant: str | None


class Fleet(Generic[I, E]):
    """The environments of one function version, and the invocations that wait for one.

    At most `most` environments with `slots` each; one that has been idle for `idle_ms` is ended, None means never.
    """

    def __init__(self, most: int, idle_ms: float | None = None, slots: int = 1) -> None:
        self._most = most
        self._idle_ms = idle_ms
        self._slots = slots
        self._waiting: deque[_Entry[I]] = deque()
        self._free: dict[E, float] = {}  # those with a free slot, and since when; in this order
        self._starting: set[E] = set()  # until their init is over
        self._announced = 0  # Start was returned, and `started` has not been called yet
        self._busy: dict[E, int] = {}  # how many invocations each runs; with a free slot it is in _free, too
        self._retired: dict[E, int] = {}  # busy with code that has been replaced
        self._tenants: dict[E, str | None] | None = None  # whom each has served; None: no invocation had a tenant yet
        self._wakes = False

    def __len__(self) -> int:
        both = sum(environment in self._busy for environment in self._free) if self._slots > 1 else 0
        return len(self._free) + len(self._busy) - both + self._coming

    def __repr__(self) -> str:
        return (
            f"<Fleet {len(self._waiting)} waiting, {len(self._free)} free, {self._coming} coming, "
            f"{len(self._busy)} busy, {len(self._retired)} retired, at most {self._most} of {self._slots}>"
        )

    @property
    def waiting(self) -> int:
        """How many invocations wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many invocations run."""
        if self._slots == 1:
            return len(self._busy) + len(self._retired)
        return sum(self._busy.values()) + sum(self._retired.values())

    @property
    def _coming(self) -> int:
        return self._announced + len(self._starting)

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
        environment = self._choose(None)
        if environment is not None:
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
            self._waiting.pop()
            actions.append(Throttle(invocation))
        return actions

    def provision(self) -> list[Action[I, E]]:
        """Start an environment before there is an invocation for it."""
        if len(self) >= self._most:
            return []
        self._announced += 1
        return [Start()]

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
        if environment not in self._starting:
            return []
        self._starting.discard(environment)
        return self._give_up_one()

    def _give_up_one(self) -> list[Action[I, E]]:
        """Fail the invocation that has waited longest instead of making it wait for the next attempt."""
        actions: list[Action[I, E]] = []
        if self._uncovered > 0:
            actions.append(Fail(self._waiting.popleft().invocation))
        return actions + self._assign()

    def available(self, environment: E, now: float) -> list[Action[I, E]]:
        """Its init has ended, or the outcome of its invocation is known: it may take another one."""
        if environment in self._busy:
            if self._slots > 1:
                self._free.pop(environment, None)  # to the end: it is the one used last
            _end_one(self._busy, environment)
        elif environment in self._starting:
            self._starting.discard(environment)
        elif environment in self._retired:
            _end_one(self._retired, environment)
            return [] if environment in self._retired else [Close(environment)]
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
        for environment, since in list(self._free.items()):
            if environment in self._busy:
                continue  # free slots beside busy ones
            if since + self._idle_ms > now:
                self._wakes = True
                actions.append(WakeAt(since + self._idle_ms))
                break
            actions.append(self._close_free(environment))
        return actions

    def replace(self, most: int, slots: int = 1) -> list[Action[I, E]]:
        """The code has changed: running invocations may finish on the old code, new ones start on the new.

        The old environments do not count towards `most`, the new limit.
        """
        self._most, self._slots = most, slots
        actions = [Close(environment) for environment in (*self._idle(), *self._starting)]
        self._retired |= self._busy
        for group in (self._free, self._starting, self._busy):
            group.clear()
        if self._tenants is not None:
            self._tenants.clear()
        return actions + self._assign()

    def shut(self) -> list[Action[I, E]]:
        """End every environment, and fail the invocations that wait."""
        failed = [Fail(entry.invocation) for entry in self._waiting]
        closed = [Close(each) for each in (*self._idle(), *self._starting, *self._busy, *self._retired)]
        for group in (self._waiting, self._free, self._starting, self._busy, self._retired):
            group.clear()
        return [*failed, *closed]

    def _idle(self) -> list[E]:
        """The environments that run nothing, the one that has been idle longest first."""
        return [environment for environment in self._free if environment not in self._busy]

    def _close_free(self, environment: E) -> Close[E]:
        del self._free[environment]
        if self._tenants is not None:
            self._tenants.pop(environment, None)
        return Close(environment)

    def _occupy(self, environment: E, tenant: str | None) -> None:
        """Take a slot of it."""
        if self._slots == 1:
            del self._free[environment]
            self._busy[environment] = 1
        else:
            self._busy[environment] = running = self._busy.get(environment, 0) + 1
            if running == self._slots:
                del self._free[environment]
        if self._tenants is not None:
            self._tenants[environment] = tenant

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
        return actions

    def _start(self, missing: int) -> list[Action[I, E]]:
        """Start environments, in the room that there is; where tenants keep it taken, their idle ones make room."""
        room = self._most - len(self)
        in_the_way = self._idle()[: max(missing - room, 0)] if self._tenants is not None else []
        closed = [self._close_free(environment) for environment in in_the_way]
        count = min(missing, room + len(closed))
        self._announced += max(count, 0)
        return [*closed, *[Start()] * count]

    def _choose(self, tenant: str | None) -> E | None:
        """The free environment that is ready soonest; of several, the one used last, so that the others may expire.

        A cold one is as slow as a new one, so it is chosen only when no starting environment is left to wait for.
        """
        finishing = cold = None
        tenants = self._tenants
        for environment in reversed(self._free):
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


def _end_one(running: dict[E, int], environment: E) -> None:
    """One of the invocations that it runs has ended."""
    if running[environment] == 1:
        del running[environment]
    else:
        running[environment] -= 1
