"""Real bootstraps: bootjack's passes every case, the others deviate exactly as their baselines say."""

from __future__ import annotations

import asyncio
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_api.conformance.baseline import compare
from runtime_api.conformance.baseline_file import read_baseline
from runtime_api.conformance.cases import load_cases
from runtime_api.conformance.runtime.side import RuntimeSide
from runtime_api.conformance.verdicts import Verdict
from runtime_api.sandbox.entrypoint import Program
from tests.conformance.judging import judge_known
from tests.conformance.matrix import HANDLER, HANDLERS, caught
from tests.conformance.subjects import OURS, OURS_IN_NODE, SUBJECTS, Subject

if TYPE_CHECKING:
    from collections.abc import Collection

    from runtime_api.conformance.baseline import Known
    from runtime_api.conformance.verdicts import Judgement

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
ROOT = Path(__file__).parents[2]
BASELINES = Path(__file__).parent / "baselines"


async def judged(
    subject: Subject, known: Collection[str] = (), handler: str = HANDLER, chosen: str = "runtime/"
) -> list[Judgement]:
    program = Program(HANDLERS / subject.language, command=subject.command())
    side = partial(RuntimeSide, program, handler, {"PYTHONPATH": str(ROOT)})
    cases = [case for case in load_cases("runtime") if case.id.startswith(chosen)]
    return await judge_known(side, cases, known, jobs=3, timeout_s=12)


def baseline(subject: Subject) -> dict[str, Known]:
    """The deviations that are known, with those of the Node.js that runs here where versions differ."""
    known = read_baseline(BASELINES / f"{subject.name}.json")
    before_19 = BASELINES / f"{subject.name}-before-19.json"
    return known | read_baseline(before_19) if before_19.is_file() and node_version() < 19 else known


def node_version() -> int:
    shown = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    return int(shown.removeprefix("v").partition(".")[0])


def test_our_bootstrap_passes_every_case() -> None:
    assert caught(asyncio.run(judged(OURS))) == []


def test_our_bootstrap_for_node_streams_what_a_streaming_handler_writes() -> None:
    judgements = asyncio.run(judged(OURS_IN_NODE, handler="handler.streaming", chosen="runtime/streaming/"))
    assert caught(judgements) == ["runtime/streaming/then-buffered"]  # such a handler streams always


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_a_bootstrap_deviates_as_its_baseline_says(subject: Subject) -> None:
    known = baseline(subject)
    judgements = asyncio.run(judged(subject, known))
    every = frozenset(case.id for case in load_cases("runtime"))
    comparison = compare(judgements, known, every)
    assert [judgement.case.id for judgement in judgements if judgement.verdict is Verdict.SKIPPED] == []
    assert comparison.news == ()
    assert comparison.stale == ()
