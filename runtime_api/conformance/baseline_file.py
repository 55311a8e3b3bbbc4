"""The file of a baseline: read with a message for every mistake in it, and written.

    {"subject": "...", "deviations": [{"cases": ["runtime/..."], "verdict": "FAILED", "reason": "..."}]}

An entry with `"sometimes": true` is a deviation that does not appear in every run: its cases may also be OK.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import orjson

from .baseline import DEVIATING, Known
from .verdicts import CannotRun

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

__all__ = ["read_baseline", "written_baseline"]

VERDICTS = {str(verdict): verdict for verdict in DEVIATING}
KEYS = {"cases": "a list of case ids", "verdict": f"one of {', '.join(VERDICTS)}", "reason": "a text"}
KEYS |= {"sometimes": "true or false"}
NEEDED = ("cases", "verdict", "reason")


def read_baseline(path: Path, every_case: Collection[str] | None = None) -> dict[str, Known]:
    """The known deviations by case id; with `every_case` an entry for another case is a mistake.

    CannotRun when the file cannot be read, or has a mistake.
    """
    try:
        return _known(orjson.loads(path.read_bytes()), every_case)
    except OSError as error:
        raise CannotRun(f"--baseline {path}: {(error.strerror or str(error)).lower()}") from None
    except orjson.JSONDecodeError as error:
        raise CannotRun(f"--baseline {path}: it is not JSON: {error}") from None
    except _Mistake as mistake:
        raise CannotRun(f"--baseline {path}: {mistake}") from None


def written_baseline(subject: str, known: Mapping[str, Known]) -> bytes:
    """The file's content: an entry for each reason, with all its cases."""
    cases: dict[Known, list[str]] = {}
    for case, entry in known.items():
        cases.setdefault(entry, []).append(case)
    deviations = [
        {"cases": ids, "verdict": str(entry.verdict), "reason": entry.reason}
        | ({"sometimes": True} if entry.sometimes else {})
        for entry, ids in cases.items()
    ]
    document = {"subject": subject, "deviations": deviations}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


class _Mistake(Exception):
    """What is wrong with the document."""


def _known(document: Any, every_case: Collection[str] | None) -> dict[str, Known]:
    entries = document.get("deviations") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise _Mistake('it needs the form {"subject": TEXT, "deviations": [ENTRY, ...]}')
    if others := document.keys() - {"subject", "deviations"}:
        raise _Mistake(f"unknown key {min(others)}; the keys are subject and deviations")
    known: dict[str, Known] = {}
    for number, entry in enumerate(entries):
        place = f"deviations[{number}]"
        deviation = _entry(place, entry)
        for case in entry["cases"]:
            if case in known:
                raise _Mistake(f"{place}: {case} has an entry already; remove one of the two")
            if every_case is not None and case not in every_case:
                raise _Mistake(f"{place}: {_no_such_case(case, every_case)}")
            known[case] = deviation
    return known


def _entry(place: str, entry: Any) -> Known:
    if not isinstance(entry, dict):
        raise _Mistake(f"{place}: an entry is an object with the keys {', '.join(NEEDED)}")
    if others := entry.keys() - KEYS.keys():
        raise _Mistake(f"{place}: unknown key {min(others)}; the keys are {', '.join(KEYS)}")
    if missing := [name for name in NEEDED if name not in entry]:
        raise _Mistake(f"{place}: the key {missing[0]} is missing: {KEYS[missing[0]]}")
    cases, verdict, reason, sometimes = (entry.get(name, False) for name in KEYS)
    if not isinstance(cases, list) or not cases or not all(isinstance(case, str) for case in cases):
        raise _Mistake(f"{place}.cases: give {KEYS['cases']}")
    if not isinstance(verdict, str) or verdict not in VERDICTS:
        raise _Mistake(f"{place}.verdict: {orjson.dumps(verdict).decode()}; give {KEYS['verdict']}")
    if not isinstance(reason, str) or not reason.strip():
        raise _Mistake(f"{place}.reason: say why the subject deviates")
    if not isinstance(sometimes, bool):
        raise _Mistake(f"{place}.sometimes: give {KEYS['sometimes']}")
    return Known(VERDICTS[verdict], reason, sometimes)


def _no_such_case(case: str, every_case: Collection[str]) -> str:
    near = get_close_matches(case, every_case, 1)
    hint = f"; is {near[0]} meant?" if near else ""
    return f"no such case: {case}{hint} (bootjack conform --list shows all cases)"
