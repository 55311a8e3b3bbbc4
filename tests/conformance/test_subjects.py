"""Real bootstraps: bootjack's passes every case, the others deviate exactly as their baselines say."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_api.conformance.baseline import compare
from runtime_api.conformance.cases import load_cases
from runtime_api.conformance.runtime.side import RuntimeSide
from runtime_api.conformance.verdicts import Verdict
from runtime_api.sandbox.entrypoint import Program
from tests.conformance.judging import judge_known
from tests.conformance.matrix import HANDLER, HANDLERS, caught
from tests.conformance.subjects import OURS, OURS_IN_NODE, SUBJECTS, Subject, baseline

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from runtime_api.conformance.cases import Case
    from runtime_api.conformance.verdicts import Judgement

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
ROOT = Path(__file__).parents[2]


async def judged(
    subject: Subject, cases: Sequence[Case], known: Collection[str] = (), handler: str = HANDLER
) -> list[Judgement]:
    program = Program(HANDLERS / subject.language, command=subject.command())
    side = partial(RuntimeSide, program, handler, {"PYTHONPATH": str(ROOT)})
    return await judge_known(side, cases, known, jobs=3, timeout_s=12)


def share(subject: Subject, known: Collection[str]) -> list[Case]:
    """The basic cases, those that are known to deviate, and a share of the others: each meets one of the subjects.

    The versions of the subjects are pinned, so a new deviation is the kit's: one that every client of a kind would
    show. `python -m tests.conformance.repeats` judges a subject by every case.
    """
    cases = load_cases("runtime")
    its_own = cases[SUBJECTS.index(subject) :: len(SUBJECTS)]
    return [case for case in cases if case.basic or case.id in known or case in its_own]


def test_our_bootstrap_passes_every_case() -> None:
    assert caught(asyncio.run(judged(OURS, load_cases("runtime")))) == []


def test_our_bootstrap_for_node_streams_what_a_streaming_handler_writes() -> None:
    cases = [case for case in load_cases("runtime") if case.group == "runtime/streaming"]
    judgements = asyncio.run(judged(OURS_IN_NODE, cases, handler="handler.streaming"))
    assert caught(judgements) == ["runtime/streaming/then-buffered"]  # such a handler streams always


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_a_bootstrap_deviates_as_its_baseline_says(subject: Subject) -> None:
    known = baseline(subject)
    judgements = asyncio.run(judged(subject, share(subject, known), known))
    every = frozenset(case.id for case in load_cases("runtime"))
    comparison = compare(judgements, known, every)
    assert [judgement.case.id for judgement in judgements if judgement.verdict is Verdict.SKIPPED] == []
    assert comparison.news == ()
    assert comparison.stale == ()
