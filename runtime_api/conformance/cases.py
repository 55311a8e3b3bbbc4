"""Loads the cases, and selects among them."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["LEVELS", "Case", "case_of", "load_cases", "next_level", "select"]

FOLDER = Path(__file__).parent / "cases"
LEVELS = ("wire", "echo", "contract")  # each needs more of the handler than the one before

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Case(NamedTuple):
    """One requirement, and the script that shows whether a subject keeps it."""

    id: str
    requirement: str
    cite: tuple[str, ...]
    steps: tuple[Mapping[str, Any], ...]
    level: str = "wire"
    strict: bool = False  # a recommendation: not to follow it is NON-STRICT
    basic: bool = False  # when it fails, the cases of its level and of higher ones cannot be judged
    feature: str | None = None  # the optional part of the API that it belongs to
    seconds: float = 0  # about how long it takes, when that is long
    given: Mapping[str, Any] = _NOTHING

    @property
    def group(self) -> str:
        """The id without its last part: the cases that stand together."""
        return self.id.rpartition("/")[0]


def load_cases(*sides: str) -> list[Case]:
    """The cases of these folders of `cases/`, basic ones first, otherwise in the order of the files."""
    files = [path for side in sides for path in sorted((FOLDER / side).glob("*.json"))]
    cases = [case_of(table) for path in files for table in json.loads(path.read_text("utf-8"))["cases"]]
    return sorted(cases, key=lambda case: not case.basic)


def case_of(table: Mapping[str, Any]) -> Case:
    """A case from its table in a file; TypeError when a key is unknown."""
    values = {**table, "cite": tuple(table["cite"]), "steps": tuple(table["steps"])}
    return Case(**values)


def select(cases: Iterable[Case], *, level: str = LEVELS[-1], only: Sequence[str] = ()) -> list[Case]:
    """The cases up to a level; of those, the ones `only` names by id, by the beginning of one, or by a pattern."""
    within = LEVELS[: LEVELS.index(level) + 1]
    return [case for case in cases if case.level in within and (not only or _named(case.id, only))]


def next_level(level: str) -> str | None:
    """The level that needs more of the handler; None behind the last."""
    place = LEVELS.index(level) + 1
    return LEVELS[place] if place < len(LEVELS) else None


def _named(case_id: str, only: Iterable[str]) -> bool:
    return any(
        case_id == name or case_id.startswith(f"{name.rstrip('/')}/") or fnmatchcase(case_id, name) for name in only
    )
