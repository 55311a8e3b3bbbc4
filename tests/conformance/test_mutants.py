"""The correct bootstrap passes every case, and each mutant fails the case for its fault."""

from __future__ import annotations

import asyncio

import pytest

from runtime_api.conformance.cases import load_cases
from runtime_api.conformance.verdicts import Verdict
from tests.conformance.matrix import caught, judge_bootstrap, mutant, mutants, reference

pytestmark = pytest.mark.slow
AT_A_TIME = 4
TRIES = 10
FILES = sorted({made.file for made in mutants().values()})


@pytest.mark.timeout(240)
def test_the_correct_bootstrap_passes_every_case() -> None:
    judgements = asyncio.run(judge_bootstrap(reference(), load_cases("runtime"), timeout_s=30, jobs=2))
    assert caught(judgements) == []
    assert {judgement.verdict for judgement in judgements} == {Verdict.OK}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("file", FILES)
def test_each_mutant_fails_the_case_for_its_fault(file: str) -> None:
    names = [name for name, made in mutants().items() if made.file == file]
    cases = {case.id: case for case in load_cases("runtime")}

    async def missed() -> list[str]:
        turn = asyncio.Semaphore(AT_A_TIME)

        async def is_caught(name: str) -> bool:
            case = [cases[mutants()[name].case]]
            async with turn:
                # Some faults only show when pieces arrive apart, and a busy machine may join them.
                for _ in range(TRIES):
                    if caught(await judge_bootstrap(mutant(name), case)):
                        return True
                return False

        found = await asyncio.gather(*map(is_caught, names))
        return [name for name, was in zip(names, found, strict=True) if not was]

    assert asyncio.run(missed()) == []


def test_a_basic_fault_is_reported_once() -> None:
    judgements = asyncio.run(judge_bootstrap(mutant("exits-after-first"), load_cases("runtime")))
    verdicts = [judgement.verdict for judgement in judgements]
    assert verdicts.count(Verdict.FAILED) == 1
    assert verdicts.count(Verdict.OK) == 2
    reasons = {judgement.reason for judgement in judgements if judgement.verdict is Verdict.SKIPPED}
    assert reasons == {"cannot be judged because runtime/basics/asks-again is FAILED"}
