"""Real bootstraps: ours passes everything, the others deviate as their baselines say, neither more nor less."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_api.conformance.baseline import compare, read_baseline
from runtime_api.conformance.cases import load_cases
from runtime_api.conformance.judge import judge
from runtime_api.conformance.runtime.side import RuntimeSide
from runtime_api.sandbox.entrypoint import Program
from tests.conformance.matrix import HANDLER, HANDLERS, caught

if TYPE_CHECKING:
    from runtime_api.conformance.verdicts import Judgement


def which(program: str) -> str:
    """The program's path, or its name, which then cannot be started."""
    return shutil.which(program) or program


pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
ROOT = Path(__file__).parents[2]
SMALL = Path(__file__).parent / "bootstraps"
BASELINES = Path(__file__).parent / "baselines"
OURS = (sys.executable, "-m", "bootstrap", "{handler}")
SUBJECTS = {
    "awslambdaric": ("python", (sys.executable, "-m", "awslambdaric", "{handler}")),
    "node": ("node", (which("node"), str(SMALL / "node.js"))),
    "ruby": ("ruby", (which("ruby"), "--encoding=UTF-8", str(SMALL / "ruby.rb"))),
    "bash-runtime": ("bash", ("/bin/bash", str(ROOT / "examples" / "bash-runtime" / "bootstrap"))),
}


async def judged(language: str, command: tuple[str, ...]) -> list[Judgement]:
    program = Program(HANDLERS / language, command=command)
    async with RuntimeSide(program, HANDLER, {"PYTHONPATH": str(ROOT)}, 12) as side:
        return await judge(side, load_cases("runtime"), jobs=3)


def test_our_bootstrap_passes_every_case() -> None:
    assert caught(asyncio.run(judged("python", OURS))) == []


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_bootstrap_deviates_as_its_baseline_says(subject: str) -> None:
    judgements = asyncio.run(judged(*SUBJECTS[subject]))
    every = frozenset(case.id for case in load_cases("runtime"))
    comparison = compare(judgements, read_baseline(BASELINES / f"{subject}.json"), every)
    assert comparison.news == ()
    assert comparison.stale == ()
