"""Which packages functions and layers are made of, counted, so that one goes with the last that uses it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from runtime_api.service.function_record import Function
from runtime_api.service.layer_record import Layer

if TYPE_CHECKING:
    from collections.abc import Set

    from runtime_api.service.resources import Resource

__all__ = ["PackageUses"]


class PackageUses:
    """Counts the functions and layers of all owners that a package is part of. Packages are known by SHA-256."""

    def __init__(self) -> None:
        self._uses: Counter[str] = Counter()

    def replace(self, before: Function | Resource | None, after: Function | Resource | None) -> set[str]:
        """Count something as it is after a change, and return the packages that nothing has any more."""
        kept, old = _packages(after), _packages(before)
        for package in kept:
            self._uses[package] += 1
        for package in old:
            self._uses[package] -= 1
        gone = {package for package in old if not self._uses[package]}
        for package in gone:
            del self._uses[package]
        return gone

    def unused(self, package: str) -> set[str]:
        """Return the package if nothing has it. A directory and an image, known by no SHA-256, are never returned."""
        return {package} - self._uses.keys() - {""}

    def all(self) -> Set[str]:
        """Return every package that something has."""
        return self._uses.keys()


def _packages(thing: Function | Resource | None) -> set[str]:
    """What something is made of; directories and code of the command line are no packages."""
    if isinstance(thing, Layer):
        return {version.code.sha256 for version in thing.versions.values()} - {""}
    if not isinstance(thing, Function):
        return set()
    found: set[str] = set()
    for version in thing.versions():
        if version.code.reference:
            found.add(version.code.sha256)
            found.update(use.code.sha256 for use in version.configuration.layers)
    return found - {""}
