"""What several formats show: counts by group, the deviations in order, and the facts of a judgement."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runtime_api.conformance.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime_api.conformance.verdicts import Findings, Judgement

__all__ = [
    "Folded",
    "by_gravity",
    "counts_by_group",
    "deviating",
    "facts",
    "folded",
    "notable",
    "settings",
    "summary",
]

GRAVITY = (Verdict.FAILED, Verdict.NON_STRICT, Verdict.UNIMPLEMENTED, Verdict.SKIPPED, Verdict.OK)


class Folded(NamedTuple):
    """Cases of a group that have the same verdict for the same reason."""

    verdict: Verdict
    group: str
    reason: str
    judgements: tuple[Judgement, ...]

    @property
    def cases(self) -> str:
        """How many cases they are, in words."""
        return "1 case" if len(self.judgements) == 1 else f"{len(self.judgements)} cases"


def counts_by_group(findings: Findings) -> dict[str, dict[Verdict, int]]:
    """For each group, the number of cases with each verdict."""
    groups: dict[str, dict[Verdict, int]] = {}
    for judgement in findings.judgements:
        counts = groups.setdefault(judgement.case.group, dict.fromkeys(Verdict, 0))
        counts[judgement.verdict] += 1
    return groups


def by_gravity(judgements: Iterable[Judgement]) -> list[Judgement]:
    """The judgements with the failures first, and what passed last."""
    return sorted(judgements, key=lambda judgement: GRAVITY.index(judgement.verdict))


def notable(findings: Findings) -> list[Judgement]:
    """The judgements worth reading, failures first: neither OK nor SKIPPED."""
    worth = (judgement for judgement in findings.judgements if judgement.verdict not in (Verdict.OK, Verdict.SKIPPED))
    return by_gravity(worth)


def deviating(findings: Findings) -> list[Judgement]:
    """The judgements that are read one by one, failures first: FAILED and NON-STRICT."""
    return [judgement for judgement in notable(findings) if judgement.verdict is not Verdict.UNIMPLEMENTED]


def folded(findings: Findings, verdict: Verdict) -> list[Folded]:
    """The judgements with this verdict, UNIMPLEMENTED or SKIPPED, a line for each group and reason."""
    places: dict[tuple[str, str], list[Judgement]] = {}
    for judgement in findings.judgements:
        if judgement.verdict is verdict:
            places.setdefault((judgement.case.group, judgement.reason), []).append(judgement)
    return [Folded(verdict, group, reason, tuple(few)) for (group, reason), few in places.items()]


def facts(judgement: Judgement) -> list[tuple[str, str]]:
    """The facts of a judgement, as names and values, without empty ones."""
    named = [
        ("requirement", judgement.case.requirement),
        ("source", "; ".join(judgement.case.cite)),
        ("expected", judgement.expected),
        ("happened", judgement.happened),
        ("reason", judgement.reason),
    ]
    return [(name, value) for name, value in named if value]


def summary(findings: Findings) -> str:
    """One line: 118 OK, 2 FAILED."""
    counted = ((findings.count(verdict), verdict) for verdict in Verdict)
    return ", ".join(f"{count} {verdict}" for count, verdict in counted if count) or "no cases"


def settings(findings: Findings) -> str:
    """How the run was made: level echo, strict, seed 0. A server has no level."""
    parts = [f"level {findings.level}"] if findings.side == "runtime" else []
    parts += ["strict"] if findings.strict else []
    return ", ".join([*parts, f"seed {findings.seed}"])
