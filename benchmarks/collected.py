"""Figures of several runs: how each that has a target came out in the runs that a file collects."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.errors import Unusable
from benchmarks.report import Goal, grid

HEADS = ["figure", "runs", "median", "min", "max", "target", "aim", "result"]


class Judged(NamedTuple):
    """A figure of one subject, and what it has to reach."""

    title: str
    subject: str
    goal: Goal


def render(file: Path) -> str:
    """One row a figure and target, a value a run. Unusable for a file that `--append` has not written."""
    values: dict[Judged, list[float]] = {}
    for judged, value in _read(file):
        values.setdefault(judged, []).append(value)
    if not values:
        raise Unusable(f"{file} holds no figure with a target: fill it with --append {file}")
    return "\n".join(grid([HEADS, *(_row(judged, each) for judged, each in values.items())]))


def _read(file: Path) -> Iterator[tuple[Judged, float]]:
    try:
        tables = [json.loads(line) for line in file.read_text().splitlines()]
        for table in tables:
            yield from _judged(table)
    except OSError as error:
        raise Unusable(f"{file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable(f"{file} is no file of figures: {type(error).__name__}: {error}") from None


def _judged(table: dict[str, Any]) -> Iterator[tuple[Judged, float]]:
    for subject, goals in table.get("goals", {}).items():  # lines of earlier versions have none
        for given in goals if subject in table["samples"] else ():
            goal = Goal(**given)
            value = goal.value(table["samples"], subject)
            if value is not None:
                unit = f", {table['unit']}" if table["unit"] and goal.ratio_to is None else ""
                yield Judged(table["title"] + unit, subject, goal), value


def _row(judged: Judged, values: list[float]) -> list[str]:
    goal = judged.goal
    verdicts = Counter(goal.verdict(value) for value in values)
    result = "; ".join(f"{verdict} {count} x" for verdict, count in sorted(verdicts.items()))
    figures = (median(values), min(values), max(values))
    name = f"{judged.title}: {judged.subject}"
    return [
        name,
        str(len(values)),
        *(f"{each:,.2f}" for each in figures),
        goal.text(goal.target),
        goal.text(goal.aim),
        result,
    ]
