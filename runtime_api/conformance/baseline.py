"""A baseline: the known deviations of a subject, each with its reason (baseline_file.py has the form of the file).

A run fails on news (a deviation that the baseline does not contain) and on stale entries (a deviation that is gone).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .verdicts import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DEVIATING", "Comparison", "Known", "compare", "updated"]

DEVIATING = (Verdict.FAILED, Verdict.NON_STRICT, Verdict.UNIMPLEMENTED)


class Known(NamedTuple):
    """A known deviation."""

    verdict: Verdict
    reason: str
    sometimes: bool = False  # it does not appear in every run


class Comparison(NamedTuple):
    """How a run differs from a baseline: a sentence for each new deviation and each stale entry."""

    news: tuple[str, ...]
    stale: tuple[str, ...]


def compare(judgements: Sequence[Judgement], known: Mapping[str, Known], every_case: frozenset[str]) -> Comparison:
    """Compare a run with a baseline. Entries for cases that did not run are ignored."""
    found = {judgement.case.id: judgement.verdict for judgement in judgements}
    news = [
        f"{case}: {verdict}" + (f", the baseline says {known[case].verdict}" if case in known else "")
        for case, verdict in found.items()
        if verdict in DEVIATING and (case not in known or known[case].verdict is not verdict)
    ]
    stale = [
        f"{case}: the baseline says {verdict}, now OK" if case in found else f"{case}: no such case"
        for case, (verdict, _, sometimes) in known.items()
        if (found.get(case) is Verdict.OK and not sometimes) or case not in every_case
    ]
    return Comparison(tuple(news), tuple(stale))


def updated(judgements: Sequence[Judgement], known: Mapping[str, Known]) -> dict[str, Known]:
    """The baseline after a run, by case id.

    An entry that still holds keeps its reason, and so does one whose case did not run; a new one gets what happened.
    """
    found = {judgement.case.id: judgement for judgement in judgements}
    after = {case: _entry(found.get(case), known.get(case)) for case in dict.fromkeys((*found, *known))}
    return {case: entry for case, entry in after.items() if entry is not None}


def _entry(judgement: Judgement | None, entry: Known | None) -> Known | None:
    """The entry for a case after a run in which it got this judgement; None when it needs none."""
    if judgement is None or judgement.verdict is Verdict.SKIPPED:
        return entry
    if judgement.verdict not in DEVIATING:
        return entry if entry is not None and entry.sometimes else None
    if entry is not None and entry.verdict is judgement.verdict:
        return entry
    return Known(judgement.verdict, judgement.happened or judgement.reason)
