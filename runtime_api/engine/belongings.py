"""What each owner has besides functions, and the version numbers that it must not give again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.service.resources import Shelves

if TYPE_CHECKING:
    from runtime_api.service.owners import Owner

__all__ = ["Belongings", "Estate"]


class Belongings:
    """What one owner has."""

    def __init__(self) -> None:
        self.shelves = Shelves()
        self.next_numbers: dict[str, int] = {}  # by the names of functions that were deleted


class Estate:
    """What all owners have."""

    def __init__(self) -> None:
        self._owners: dict[Owner, Belongings] = {}

    def of(self, owner: Owner) -> Belongings:
        """Return what an owner has, to look at: one that has nothing is not remembered for being asked about."""
        return self._owners.get(owner) or Belongings()

    def to_change(self, owner: Owner) -> Belongings:
        """Return what an owner has, to be added to."""
        return self._owners.setdefault(owner, Belongings())

    def all(self) -> list[Belongings]:
        """Return what each owner has."""
        return list(self._owners.values())
