"""Sum up what the parts of a packed layer weigh."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .pack import Packed

__all__ = ["Group", "summarize"]

_PACKAGES = "python"  # the directory whose children are groups of their own


class Group(NamedTuple):
    """A top-level file or directory, or a package below `python/`, with its totals."""

    name: str
    files: int
    unzipped: int
    zipped: int


def summarize(packed: Iterable[Packed]) -> list[Group]:
    """The groups of the packed entries, largest first."""
    groups: dict[str, Group] = {}
    for item in packed:
        parts = item.name.split("/")
        depth = 2 if parts[0] == _PACKAGES and len(parts) > 2 else 1
        name = "/".join(parts[:depth]) + ("/" if len(parts) > depth else "")
        sofar = groups.get(name, Group(name, 0, 0, 0))
        groups[name] = Group(name, sofar.files + 1, sofar.unzipped + item.unzipped, sofar.zipped + item.zipped)
    return sorted(groups.values(), key=lambda group: (-group.unzipped, group.name))
