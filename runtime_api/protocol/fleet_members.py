"""The environments of a fleet, and what each of them does: books that are kept, and decide nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from .fleet_actions import Close, Environment, Readiness
from .provisioning import Provisioning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .provisioning import Allocation

__all__ = ["Members", "end_one"]

COLD = Readiness.COLD

E = TypeVar("E", bound=Environment)


class Members(Generic[E]):
    """The environments of one function version, with `slots` each."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._free: dict[E, float] = {}  # those with a free slot, and since when; in this order
        self._starting: set[E] = set()  # until their init is over
        self._announced = 0  # Start was returned, and `started` has not been called yet
        self._busy: dict[E, int] = {}  # how many invocations each runs; with a free slot it is in _free, too
        self._retired: dict[E, int] = {}  # busy, and ended when that is over: replaced, or one too many
        self._tenants: dict[E, str | None] | None = None  # whom each has served; None: no invocation had a tenant yet
        self._provisioning: Provisioning[E] = Provisioning()
        self._provisioned = self._provisioning.initialised  # each is free or busy, too

    def __len__(self) -> int:
        """How many environments on demand there are."""
        both = sum(environment in self._busy for environment in self._free) if self._slots > 1 else 0
        return len(self._free) + len(self._busy) - both - len(self._provisioned) + self._coming

    @property
    def running(self) -> int:
        """How many invocations run."""
        if self._slots == 1:
            return len(self._busy) + len(self._retired)
        return sum(self._busy.values()) + sum(self._retired.values())

    @property
    def allocation(self) -> Allocation:
        """How far the provisioned environments have come."""
        return self._provisioning.allocation

    @property
    def _coming(self) -> int:
        return self._announced + len(self._starting)

    @property
    def _has_any(self) -> bool:
        """Whether there is an environment that an invocation could wait for."""
        return bool(self._free or self._busy or self._coming or self._provisioning.are_coming)

    def _at_rest(self) -> list[E]:
        """The environments that run nothing, or have not been initialised yet."""
        idle = [environment for environment in self._free if environment not in self._busy]
        return [*idle, *self._starting, *self._provisioning.initialising]

    def _idle(self) -> list[E]:
        """The environments on demand that run nothing, the one that has been idle longest first."""
        return [each for each in self._free if each not in self._busy and each not in self._provisioned]

    def _is_spent(self, environment: E) -> bool:
        """Whether it is provisioned, and has neither an invocation nor a runtime any more."""
        idle = environment in self._provisioned and environment not in self._busy
        return idle and environment.readiness is COLD

    def _provisioned_first(self) -> Iterator[E]:
        for is_provisioned in (True, False):
            for environment in reversed(self._free):
                if (environment in self._provisioned) is is_provisioned:
                    yield environment

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

    def _close_free(self, environment: E) -> Close[E]:
        del self._free[environment]
        if self._tenants is not None:
            self._tenants.pop(environment, None)
        return Close(environment)

    def _retire(self, environment: E) -> None:
        """Let it finish what it runs, and give it nothing more."""
        self._free.pop(environment, None)
        self._retired[environment] = self._busy.pop(environment)
        if self._tenants is not None:
            self._tenants.pop(environment, None)


def end_one(running: dict[E, int], environment: E) -> None:
    """Record that one of the invocations that an environment runs has ended."""
    if running[environment] == 1:
        del running[environment]
    else:
        running[environment] -= 1
