"""What a bootstrap tells the Runtime API on its way out is no failure, with and without a /tmp of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runtime_api.conformance.cases import load_cases
from runtime_api.conformance.verdicts import Verdict
from tests.conformance.matrix import judge_bootstrap, python

LAST_CALLS = Path(__file__).parent / "reference" / "last_calls.py"
EXPECTED = {
    "runtime/process/sigterm": Verdict.OK,
    "runtime/errors/exit": Verdict.OK,
    "runtime/errors/exit-code": Verdict.NON_STRICT,
}


def verdicts() -> dict[str, Verdict]:
    cases = [case for case in load_cases("runtime") if case.id in EXPECTED]
    command = (python(), "-I", "-S", str(LAST_CALLS))
    judgements = asyncio.run(judge_bootstrap(command, cases, timeout_s=30))
    return {judgement.case.id: judgement.verdict for judgement in judgements}


@pytest.mark.slow
def test_calls_on_the_way_out_are_no_failure() -> None:
    assert verdicts() == EXPECTED


@pytest.mark.slow
def test_without_bubblewrap_the_verdicts_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert verdicts() == EXPECTED
