"""Which execution environment takes which invocation, when another one is started, and when one is ended.

A `Fleet` is the set of environments of one function version. Each method takes what happened and returns what to do
about it, in order; environments and invocations are opaque to it. An invocation is assigned only when an environment
is free for it: the one that started an environment may be taken by another that is free earlier. `now` is a monotonic
time in milliseconds.
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


class Fleet(Generic[I, E]):
    """The environments of one function version, and the invocations that wait for one.

    At most `most` environments; one that has been free for `idle_ms` is ended, None means never.
    """

    def __init__(self, most: int, idle_ms: float | None = None) -> None:
        self._most = most
        self._idle_ms = idle_ms
        self._waiting: deque[I] = deque()
        self._free: dict[E, float] = {}  # since when; in this order
        self._starting: set[E] = set()  # until their init is over
        self._announced = 0  # Start was returned, and `started` has not been called yet
        self._busy: set[E] = set()
        self._retired: set[E] = set()  # busy with code that has been replaced
        self._wakes = False

    def __len__(self) -> int:
        return len(self._free) + len(self._busy) + self._coming

    def __repr__(self) -> str:
        return (
            f"<Fleet {len(self._waiting)} waiting, {len(self._free)} free, {self._coming} coming, "
            f"{len(self._busy)} busy, {len(self._retired)} retired, at most {self._most}>"
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
        if len(self._waiting) - self._coming > max_queued:
            actions.append(Throttle(self._waiting.pop()))
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
        if len(self._waiting) > self._coming:
            actions.append(Fail(self._waiting.popleft()))
        return actions + self._assign()

    def available(self, environment: E, now: float) -> list[Action[I, E]]:
        """Its init has ended, or the outcome of its invocation is known: it may take another one."""
        if environment in self._busy:
            self._busy.discard(environment)
        elif environment in self._starting:
            self._starting.discard(environment)
        elif environment in self._retired:
            self._retired.discard(environment)
            return [Close(environment)]
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
        for environment, since in list(self._free.items()):
            if since + self._idle_ms > now:
                self._wakes = True
                actions.append(WakeAt(since + self._idle_ms))
                break
            del self._free[environment]
            actions.append(Close(environment))
        return actions

    def replace(self, most: int) -> list[Action[I, E]]:
        """The code has changed: running invocations may finish on the old code, new ones start on the new.

        The old environments do not count towards `most`, the new limit.
        """
        self._most = most
        actions = [*self._close(self._free), *self._close(self._starting)]
        self._retired |= self._busy
        self._busy.clear()
        return actions + self._assign()

    def shut(self) -> list[Action[I, E]]:
        """End every environment, and fail the invocations that wait."""
        failed = [Fail(invocation) for invocation in self._waiting]
        self._waiting.clear()
        groups = (self._free, self._starting, self._busy, self._retired)
        return [*failed, *(action for group in groups for action in self._close(group))]

    def _close(self, group: dict[E, float] | set[E]) -> list[Close[E]]:
        actions = [Close(environment) for environment in group]
        group.clear()
        return actions

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
            self._announced += missing
            actions += [Start()] * missing
        return actions

    def _choose(self) -> E | None:
        """The free environment that is ready soonest; of several, the one used last, so that the others may expire.

        A cold one is as slow as a new one, so it is chosen only when no starting environment is left to wait for.
        """
        finishing = cold = None
        for environment in reversed(self._free):
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
