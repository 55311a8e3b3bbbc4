"""The books of a fleet's provisioned environments: how many there should be, and how far each has come."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

__all__ = ["Allocation", "Provisioning"]

E = TypeVar("E")


class Allocation(NamedTuple):
    """How far the provisioned environments have come."""

    wanted: int = 0
    available: int = 0  # initialised
    failed: int = 0  # whose init has failed: they are not tried again
    reason: str = ""  # why they could not even begin their init

    @property
    def is_failed(self) -> bool:
        """Whether some are missing, and none of them is on its way."""
        return self.failed > 0 and self.available + self.failed >= self.wanted


class Provisioning(Generic[E]):
    """Provisioned environments: asked for, initialising, or initialised; and those that have been given up."""

    def __init__(self) -> None:
        self.wanted = 0
        self.announced = 0  # asked for, and not made yet
        self.initialising: set[E] = set()
        self.initialised: dict[E, float] = {}  # and since when; each is free or busy
        self.given_up = 0  # could not be initialised

    @property
    def allocation(self) -> Allocation:
        """How far they have come."""
        return Allocation(self.wanted, len(self.initialised), self.given_up)

    @property
    def are_coming(self) -> bool:
        """Whether some are on their way."""
        return bool(self.announced or self.initialising)

    @property
    def missing(self) -> int:
        """How many more are wanted; below 0, how many are too many."""
        here = len(self.initialised) + len(self.initialising) + self.announced
        return self.wanted - here - self.given_up

    def want(self, count: int) -> None:
        """Want this many from now on; those that could not be initialised count as missing again."""
        self.wanted, self.given_up = count, 0

    def announce(self) -> int:
        """Ask for what is missing; returns how many that are."""
        missing = max(0, self.missing)
        self.announced += missing
        return missing

    def give_up(self) -> None:
        """Try one no more, unless it is not wanted any more."""
        self.given_up += self.missing > 0

    def forget(self) -> None:
        """Begin anew: the code has changed."""
        self.initialising.clear()
        self.initialised.clear()
        self.given_up = 0
