"""Which modules a run of tests reads, and in which order their tests begin.

Modules in which `-m` selects nothing are recognised by their text, because importing and collecting them takes each
worker seconds. Marks stand in the test modules themselves, as `pytest.mark.NAME`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

__all__ = ["begin_with", "may_hold"]

Item = TypeVar("Item")


def may_hold(source: str, expression: str) -> bool:
    """Return whether a module with this source may hold a test that `-m EXPRESSION` selects: NAME or `not NAME`."""
    if found := re.fullmatch(r"not (\w+)", expression):
        return not re.search(rf"^pytestmark = .*\bmark\.{found[1]}\b", source, re.MULTILINE)
    if re.fullmatch(r"\w+", expression):
        return re.search(rf"\bmark\.{expression}\b", source) is not None
    return True


def begin_with(items: Sequence[Item], group: Callable[[Item], Hashable], workers: int) -> list[Item]:
    """Put the items that have a group first in the stretches of equal length that the workers get of the list.

    A group stays together, as its tests may share what is costly to make, as far as it fits into a stretch.
    """
    first: list[list[Item]] = [[] for _ in range(workers)]
    groups: defaultdict[Hashable, list[Item]] = defaultdict(list)
    for item in items:
        groups[group(item)].append(item)
    others = groups.pop(None, [])
    for members in groups.values():
        min(first, key=len).extend(members)
    ordered: list[Item] = []
    for number, chosen in enumerate(first, 1):
        room = max(0, number * len(items) // workers - len(ordered) - len(chosen))
        ordered += [*chosen, *others[:room]]
        del others[:room]
    return ordered + others
