"""Cases of a bootstrap that writes fixed names in /tmp do not disturb one another, with bubblewrap or without."""

from __future__ import annotations

import asyncio
import subprocess
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runtime_api.conformance.cases import load_cases
from runtime_api.conformance.judge import judge
from runtime_api.conformance.runtime.private_tmp import has_private_tmp, with_private_tmp
from runtime_api.conformance.runtime.shared_tmp import SharedTmp
from runtime_api.conformance.runtime.side import RuntimeSide
from runtime_api.conformance.verdicts import Judgement, Verdict
from runtime_api.sandbox import Launch
from runtime_api.sandbox.entrypoint import Program
from tests.conformance.matrix import HANDLER, HANDLERS, python

FIXED_NAMES = Path(__file__).parent / "reference" / "fixed_names.py"
GROUPS = ("runtime/basics", "runtime/echo/e", "runtime/echo/n", "runtime/process/sigterm")
CASE = load_cases("runtime")[0]


def launch(directory: Path, *command: str, **variables: str) -> Launch:
    return Launch("runtime", command, directory, variables)


async def judged(jobs: int) -> tuple[dict[str, Verdict], list[str]]:
    said: list[str] = []
    program = Program(HANDLERS / "python", command=(python(), "-I", "-S", str(FIXED_NAMES)))
    cases = [case for case in load_cases("runtime") if case.id.startswith(GROUPS)]
    async with RuntimeSide(program, HANDLER, {}, 30, say=said.append) as side:
        return {judgement.case.id: judgement.verdict for judgement in await judge(side, cases, jobs=jobs)}, said


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.bubblewrap
def test_each_case_has_a_tmp_of_its_own() -> None:
    verdicts, said = asyncio.run(judged(jobs=8))
    assert set(verdicts.values()) == {Verdict.OK}
    assert said == []


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_without_bubblewrap_cases_that_share_a_file_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # without bubblewrap
    verdicts, said = asyncio.run(judged(jobs=8))
    assert set(verdicts.values()) == {Verdict.OK}
    assert ["conformance-event" in text and "one after another" in text for text in said] == [True]


def test_cases_with_names_of_their_own_run_side_by_side(tmp_path: Path) -> None:
    async def run() -> list[str]:
        said: list[str] = []
        shared = SharedTmp(tmp_path, said.append)
        inside = asyncio.Barrier(3)

        async def case(number: int) -> Judgement:
            (tmp_path / f"name-{number}").write_text("")
            await inside.wait()
            return Judgement(CASE, Verdict.OK)

        async with asyncio.timeout(30):
            await asyncio.gather(*(shared.run(partial(case, number)) for number in range(3)))
        return said

    assert asyncio.run(run()) == []


def test_a_case_that_failed_beside_others_runs_again_alone(tmp_path: Path) -> None:
    async def run() -> tuple[list[Verdict], int, list[str]]:
        said: list[str] = []
        shared = SharedTmp(tmp_path, said.append)
        runs = 0

        async def case() -> Judgement:
            nonlocal runs
            runs += 1
            (tmp_path / "fixed").write_text("x" * runs)
            alone = runs > 3
            await asyncio.sleep(0)
            return Judgement(CASE, Verdict.OK if runs == 1 or alone else Verdict.FAILED)

        first = await shared.run(case)
        async with asyncio.timeout(30):
            others = await asyncio.gather(shared.run(case), shared.run(case))
        return [judgement.verdict for judgement in (first, *others)], runs, said

    verdicts, runs, said = asyncio.run(run())
    assert verdicts == [Verdict.OK] * 3
    assert runs == 5
    assert len(said) == 1
    assert str(tmp_path / "fixed") in said[0]


@pytest.mark.bubblewrap
def test_a_private_tmp_shows_only_what_the_bootstrap_names_there() -> None:
    with TemporaryDirectory(dir="/tmp") as code, TemporaryDirectory(dir="/tmp") as other:
        listing = launch(Path("/"), "ls", "/tmp", CODE=f"{code}/lib")
        assert has_private_tmp(listing)
        done = subprocess.run(with_private_tmp(listing).argv, capture_output=True, text=True, timeout=30, check=True)
        assert Path(code).name in done.stdout.split()
        assert Path(other).name not in done.stdout.split()


def test_a_bootstrap_that_is_in_tmp_itself_shares_it() -> None:
    assert not has_private_tmp(launch(Path("/tmp"), "./bootstrap"))
