"""What a fleet must know of an environment, and what it wants done."""

from __future__ import annotations

from enum import Enum
from typing import Generic, NamedTuple, Protocol, TypeVar

from .capacity import Close

__all__ = [
    "Action",
    "Assign",
    "Close",
    "Environment",
    "Fail",
    "Provision",
    "Readiness",
    "Start",
    "Throttle",
    "WakeAt",
]


class Readiness(Enum):
    """How soon a free environment could run an invocation."""

    WARM = "warm"  # its runtime waits in /next
    FINISHING = "finishing"  # it has answered, and will soon be back in /next
    COLD = "cold"  # it has no usable runtime: init comes first


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


class Provision(NamedTuple):
    """Make a new environment that is kept initialised; call `provisioned` with it before anything else."""


class Throttle(NamedTuple, Generic[I]):
    """Refuse this invocation: no environment can take it, and it may not wait."""

    invocation: I
    shared: bool = False  # the capacity is used up; otherwise the fleet's own limit is reached


class Fail(NamedTuple, Generic[I]):
    """Fail this invocation: the environment that was started for it could not be opened."""

    invocation: I


class WakeAt(NamedTuple):
    """Call `expire` at this time."""

    at: float


Action = Assign[I, E] | Start | Provision | Throttle[I] | Fail[I] | Close[E] | WakeAt
