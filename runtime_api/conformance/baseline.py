"""A baseline: a file with the known deviations of a subject, each with its reason.

    {"subject": "...", "deviations": [{"cases": ["runtime/..."], "verdict": "FAILED", "reason": "..."}]}

An entry with `"sometimes": true` is a deviation that does not appear in every run: its cases may also be OK.

A run fails on news (a deviation that the baseline does not contain) and on stale entries (a deviation that is gone).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

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
    sometimes: bool = False  # it does not appear in every run


class Comparison(NamedTuple):
    """How a run differs from a baseline: a sentence for each new deviation and each stale entry."""

    news: tuple[str, ...]
    stale: tuple[str, ...]


def read_baseline(path: Path) -> dict[str, Known]:
    """The known deviations by case id; CannotRun when the file is not a baseline."""
    try:
        entries = orjson.loads(path.read_bytes())["deviations"]
        return {case: _entry(entry) for entry in entries for case in entry["cases"]}
    except OSError as error:
        raise CannotRun(f"--baseline {path}: {(error.strerror or str(error)).lower()}") from None
    except KeyError as error:
        raise CannotRun(f"--baseline {path}: the key {error} is missing") from None
    except (ValueError, TypeError) as error:
        raise CannotRun(f"--baseline {path}: {error}") from None


def _entry(entry: Any) -> Known:
    verdict = Verdict(entry["verdict"])
    if verdict not in DEVIATING or not entry["reason"].strip():
        text = orjson.dumps(entry).decode()
        raise ValueError(f"an entry needs a verdict (FAILED, NON-STRICT or UNIMPLEMENTED) and a reason: {text}")
    return Known(verdict, entry["reason"], entry.get("sometimes", False))


def compare(judgements: Sequence[Judgement], known: dict[str, Known], every_case: frozenset[str]) -> Comparison:
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


def deviations(judgements: Sequence[Judgement]) -> list[dict[str, Any]]:
    """The entries of a baseline for these judgements, with what happened as the reason."""
    return [
        {
            "cases": [judgement.case.id],
            "verdict": str(judgement.verdict),
            "reason": judgement.happened or judgement.reason,
        }
        for judgement in judgements
        if judgement.verdict in DEVIATING
    ]
