"""Known deviations of a subject, each with its reason: a file that is kept beside the subject.

    {"subject": "...", "deviations": [{"cases": ["runtime/..."], "verdict": "FAILED", "reason": "..."}]}

An entry with `"sometimes": true` is of what chance decides: its cases may be OK as well.

A run fails on news (a deviation that does not stand there) and on stale entries (one that does, and is no more).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from .verdicts import CannotRun, Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Comparison", "Known", "compare", "deviations", "read_baseline"]

DEVIATING = (Verdict.FAILED, Verdict.NON_STRICT, Verdict.UNIMPLEMENTED)


class Known(NamedTuple):
    """A known deviation."""

    verdict: Verdict
    reason: str
    sometimes: bool = False  # chance decides whether it is seen


class Comparison(NamedTuple):
    """What a baseline does not know, and what it knows but is no more; a sentence each."""

    news: tuple[str, ...]
    stale: tuple[str, ...]


def read_baseline(path: Path) -> dict[str, Known]:
    """What is known, by case id; CannotRun when the file is no baseline."""
    try:
        entries = json.loads(path.read_text("utf-8"))["deviations"]
        return {case: _entry(entry) for entry in entries for case in entry["cases"]}
    except OSError as error:
        raise CannotRun(f"--baseline {path}: {(error.strerror or str(error)).lower()}") from None
    except KeyError as error:
        raise CannotRun(f"--baseline {path}: {error} is missing") from None
    except (ValueError, TypeError) as error:
        raise CannotRun(f"--baseline {path}: {error}") from None


def _entry(entry: Any) -> Known:
    verdict = Verdict(entry["verdict"])
    if verdict not in DEVIATING or not entry["reason"].strip():
        raise ValueError(f"an entry is FAILED, NON-STRICT or UNIMPLEMENTED, and has a reason: {json.dumps(entry)}")
    return Known(verdict, entry["reason"], entry.get("sometimes", False))


def compare(judgements: Sequence[Judgement], known: dict[str, Known], every_case: frozenset[str]) -> Comparison:
    """Hold a run against a baseline. Entries of cases that were not played are left alone."""
    found = {judgement.case.id: judgement.verdict for judgement in judgements}
    news = [
        f"{case}: {verdict}" + (f", known as {known[case].verdict}" if case in known else "")
        for case, verdict in found.items()
        if verdict in DEVIATING and (case not in known or known[case].verdict is not verdict)
    ]
    stale = [
        f"{case}: known as {verdict}, is OK" if case in found else f"{case}: there is no such case"
        for case, (verdict, _, sometimes) in known.items()
        if (found.get(case) is Verdict.OK and not sometimes) or case not in every_case
    ]
    return Comparison(tuple(news), tuple(stale))


def deviations(judgements: Sequence[Judgement]) -> list[dict[str, Any]]:
    """The entries that a baseline of these judgements has, with what happened in the place of a reason."""
    return [
        {
            "cases": [judgement.case.id],
            "verdict": str(judgement.verdict),
            "reason": judgement.happened or judgement.reason,
        }
        for judgement in judgements
        if judgement.verdict in DEVIATING
    ]
