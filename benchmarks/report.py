"""Render figures as tables: each subject's median, its ratios to others, and whether it reached its goal."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

MEASURED, BEFORE = "bootjack", "before"
ALONE = "no subscriber"
RATIOS = (
    "cargo-lambda",
    "RIE",
    "bare",
    "bare relay",
    "moto",
    "serve NAME=TARGET",
    "awslambdaric",
    "aws-lambda-ric",
    "one at a time",
    "zip -9",
    "host's Python",
    "synchronous",
    ALONE,
    BEFORE,
)


@dataclass(frozen=True)
class Goal:
    """The bounds for a figure, or for its ratio to another subject's: `target` is required, `aim` is desired."""

    target: float
    aim: float
    ratio_to: str | None = None
    at_least: bool = False

    def text(self, bound: float) -> str:
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {bound:g} x {self.ratio_to}" if self.ratio_to else f"{sign} {bound:g}"

    def value(self, samples: Mapping[str, Sequence[float]], name: str) -> float | None:
        """What is judged of this subject; None without the subject that it is compared with."""
        if self.ratio_to is None:
            return median(samples[name])
        return ratio(samples[name], samples[self.ratio_to]) if self.ratio_to in samples else None

    def verdict(self, value: float | None) -> str:
        if value is None:
            return f"? without {self.ratio_to}"
        if self._reached(value, self.aim):
            return "aim reached"
        return "target reached" if self._reached(value, self.target) else "MISSED"

    def _reached(self, value: float, bound: float) -> bool:
        return value >= bound if self.at_least else value <= bound


@dataclass(frozen=True)
class Table:
    """One figure of all subjects, with a sample for each round; `goals` maps subjects to a goal or several."""

    title: str
    unit: str
    samples: dict[str, list[float]]
    missing: dict[str, str] = field(default_factory=dict)
    goals: Mapping[str, Goal | tuple[Goal, ...]] = field(default_factory=dict)
    digits: int = 1
    notes: list[str] = field(default_factory=list)

    def render(self) -> str:
        ratios = [name for name in RATIOS if name in self.samples or name in self.missing]
        heads = ["", f"median {self.unit}", "min … max", *(f"ratio to {name}" for name in ratios)]
        heads += ["target", "aim", "result"]
        rows = [self._row(name, ratios) for name in self.samples]
        lines = [f"### {self.title}", "", *grid([heads, *rows])]
        lines += [f"{name}: not measured: {reason}" for name, reason in self.missing.items()]
        lines += self.notes
        return "\n".join(lines) + "\n"

    def append_to(self, file: Path) -> None:
        """Add a line of JSON to this file: when, the samples and goals by subject, what was not measured and why."""
        line = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "title": self.title,
            "unit": self.unit,
            "samples": self.samples,
            "missing": self.missing,
            "goals": {name: [asdict(goal) for goal in self._goals(name)] for name in self.goals},
        }
        with file.open("a") as lines:
            lines.write(json.dumps(line) + "\n")

    def _row(self, name: str, ratios: Sequence[str]) -> list[str]:
        values = self.samples[name]
        spread = f"{min(values):,.{self.digits}f} … {max(values):,.{self.digits}f}"
        row = [name, f"{median(values):,.{self.digits}f}", spread]
        row += [f"{ratio(values, self.samples[other]):.2f}" if other in self.samples else "?" for other in ratios]
        return row + self._results(name)

    def _goals(self, name: str) -> tuple[Goal, ...]:
        goals = self.goals.get(name, ())
        return (goals,) if isinstance(goals, Goal) else goals

    def _results(self, name: str) -> list[str]:
        goals = self._goals(name)
        targets, aims = (goal.text(goal.target) for goal in goals), (goal.text(goal.aim) for goal in goals)
        verdicts = (goal.verdict(goal.value(self.samples, name)) for goal in goals)
        return ["; ".join(cells) for cells in (targets, aims, verdicts)]


def ratio(own: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios, since the two samples of one round share the state of the machine."""
    return median(one / other if other else float("inf") for one, other in zip(own, theirs, strict=True))


def grid(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table in Markdown: figures in all columns but the first and the last three."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(_aligned(cells, widths)) + " |" for cells in rows]
    rule = (
        "|"
        + "|".join(
            "-" * (width + 1) + (":" if 0 < place < len(widths) - 3 else "-") for place, width in enumerate(widths)
        )
        + "|"
    )
    return [lines[0], rule, *lines[1:]]


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Align text to the left and figures to the right."""
    last = len(cells) - 3
    return [
        cell.rjust(width) if 0 < place < last else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
