"""Loads the cases, and selects some of them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["LEVELS", "Case", "case_of", "load_cases", "next_level", "select"]

FOLDER = Path(__file__).parent / "cases"
LEVELS = ("wire", "echo", "contract")  # each requires more of the handler than the one before

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Case(NamedTuple):
    """One requirement, and the steps that show whether a subject meets it."""

    id: str
    requirement: str
    cite: tuple[str, ...]
    steps: tuple[Mapping[str, Any], ...]
    level: str = "wire"
    strict: bool = False  # a recommendation: a subject that ignores it is NON-STRICT
    reason: str = ""  # why a subject may ignore it
    basic: bool = False  # when it fails, cases of its level and higher ones cannot be judged
    feature: str | None = None  # the optional part of the API to which it belongs
    probe: Case | None = None  # shows whether a bootstrap has this feature at all: the first case of it
    seconds: float = 0  # roughly how long it takes, when that is long
    given: Mapping[str, Any] = _NOTHING
    needs: tuple[str, ...] = ()  # what a server has to be told by its command line (server/template.py)

    @property
    def group(self) -> str:
        """The id without its last part, which related cases share."""
        return self.id.rpartition("/")[0]


def load_cases(*sides: str) -> list[Case]:
    """The cases in these folders of `cases/`: basic ones first, the rest in the order of the files."""
    files = [path for side in sides for path in sorted((FOLDER / side).glob("*.json"))]
    cases = [case_of(table) for path in files for table in orjson.loads(path.read_bytes())["cases"]]
    return sorted(_with_probes(cases), key=lambda case: not case.basic)


def case_of(table: Mapping[str, Any]) -> Case:
    """The case in a table of a file; TypeError for an unknown key."""
    values = {**table, "cite": tuple(table["cite"]), "steps": tuple(table["steps"])}
    values["needs"] = tuple(table.get("needs", ()))
    return Case(**values)


def _with_probes(cases: Iterable[Case]) -> Iterator[Case]:
    """The same cases, those that judge a bootstrap's feature with its probe. A server is asked for its features."""
    probes: dict[str, Case] = {}
    for case in cases:
        if case.feature and case.id.startswith("runtime/"):
            probe = probes.setdefault(case.feature, case)
            yield case if probe is case else case._replace(probe=probe)
        else:
            yield case


def select(cases: Iterable[Case], *, level: str = LEVELS[-1], only: Sequence[str] = ()) -> list[Case]:
    """The cases up to a level; of those, the ones that `only` names by id, by group, or by a pattern."""
    within = LEVELS[: LEVELS.index(level) + 1]
    return [case for case in cases if case.level in within and (not only or _named(case.id, only))]


def next_level(level: str) -> str | None:
    """The next higher level; None for the highest."""
    place = LEVELS.index(level) + 1
    return LEVELS[place] if place < len(LEVELS) else None


def _named(case_id: str, only: Iterable[str]) -> bool:
    return any(
        case_id == name or case_id.startswith(f"{name.rstrip('/')}/") or fnmatchcase(case_id, name) for name in only
    )
