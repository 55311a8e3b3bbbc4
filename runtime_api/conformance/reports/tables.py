"""What several formats show: counts by group, and the facts of a judgement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.conformance.verdicts import Verdict

if TYPE_CHECKING:
    from runtime_api.conformance.verdicts import Findings, Judgement

__all__ = ["counts_by_group", "facts", "notable", "summary"]


def counts_by_group(findings: Findings) -> dict[str, dict[Verdict, int]]:
    """For each group, the number of cases with each verdict."""
    groups: dict[str, dict[Verdict, int]] = {}
    for judgement in findings.judgements:
        counts = groups.setdefault(judgement.case.group, dict.fromkeys(Verdict, 0))
        counts[judgement.verdict] += 1
    return groups


def notable(findings: Findings) -> list[Judgement]:
    """The judgements worth reading: neither OK nor SKIPPED."""
    return [judgement for judgement in findings.judgements if judgement.verdict not in (Verdict.OK, Verdict.SKIPPED)]


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
