"""Finds the libraries that a compiled program is linked with where the program itself says so (man 8 ld.so).

Those that are found by the system's own settings are the system's, and visible anyway.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from .elf import Elf, read_elf
from .following import follow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .following import Ground, Trail

__all__ = ["libraries"]

MOST = 256


class Linked(NamedTuple):
    """A program or a library, and where those that it was loaded for looked for theirs."""

    path: str  # by which it was opened: that is what $ORIGIN means
    elf: Elf
    inherited: tuple[str, ...] = ()

    def places(self) -> tuple[str, ...]:
        """Where its libraries may be. RUNPATH, where there is one, stands in the place of RPATH."""
        return self._absolute(self.elf.runpath) or self.passed_on()

    def passed_on(self) -> tuple[str, ...]:
        """What holds for its libraries' libraries, too."""
        own = () if self.elf.runpath else self._absolute(self.elf.rpath)
        return (*own, *self.inherited)

    def _absolute(self, places: tuple[str, ...]) -> tuple[str, ...]:
        origin = os.path.dirname(self.path)  # noqa: PTH120
        resolved = (place.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for place in places)
        return tuple(place for place in resolved if place.startswith("/"))


def libraries(program: str, elf: Elf | None, ground: Ground) -> Iterator[Trail]:
    """The program's loader and its libraries, theirs included; only what is one, whatever a file claims."""
    if elf is None:
        return
    if elf.loader.startswith("/"):
        yield from (trail for _, trail, _ in _found([elf.loader], ground))
    waiting = deque([Linked(program, elf)])
    seen: set[str | None] = set()
    while waiting and len(seen) < MOST:
        linked = waiting.popleft()
        for name in linked.elf.needed:
            places = [name] if name.startswith("/") else [f"{place}/{name}" for place in linked.places()]
            for place, trail, found in _found(places, ground):
                if trail.end not in seen:
                    seen.add(trail.end)
                    yield trail
                    if not (ground.shows(trail.host) or ground.holds(trail.host)):
                        waiting.append(Linked(place, found, linked.passed_on()))


def _found(places: list[str], ground: Ground) -> Iterator[tuple[str, Trail, Elf]]:
    """The first of these that is a library."""
    for place in places:
        trail = follow(place, ground, trusted=False)
        found = read_elf(trail.host) if trail.end is not None else None
        if found is not None:
            yield place, trail, found
            return
