"""Case x mutant: which cases fail for which mutant of the bootstrap.

`python -m tests.conformance.matrix [NAME...]` runs mutants and writes the cases that they fail to `matrix.json`. For
a mutant it runs the basic cases, all cases in the group of the one that it breaks, and a sample of the others that
depends on the mutant's name; with `--all` every case, which takes an hour on two processors.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import multiprocessing
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from runtime_api.conformance.cases import Case, load_cases
from runtime_api.conformance.judge import judge
from runtime_api.conformance.runtime.side import RuntimeSide
from runtime_api.conformance.verdicts import Judgement, Verdict
from runtime_api.sandbox.entrypoint import Program

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "HANDLER",
    "cases_for",
    "caught",
    "described",
    "judge_bootstrap",
    "mutant",
    "mutants",
    "read_matrix",
    "reference",
]

HERE = Path(__file__).parent
MATRIX = HERE / "matrix.json"
HANDLERS = HERE.parents[1] / "runtime_api" / "conformance" / "handlers"
HANDLER = "handler.handler"
TIMEOUT_S = 4.0
JOBS = 6
SAMPLE = 12
PASSED = (Verdict.OK, Verdict.SKIPPED)


def python() -> str:
    """The base interpreter, because that of a virtual environment does not work with -S."""
    return str(Path(sys.executable).resolve())


def reference() -> tuple[str, ...]:
    """The command of the correct bootstrap."""
    return (python(), "-I", "-S", str(HERE / "reference" / "__main__.py"))


def mutant(name: str) -> tuple[str, ...]:
    """The command of a mutant."""
    return (python(), "-I", "-S", str(HERE / "mutants" / "__main__.py"), mutants()[name].file, name)


def mutants() -> dict[str, Any]:
    """The classes of the mutants, by name."""
    folder = HERE / "mutants"
    for path in (str(HERE), str(folder)):
        if path not in sys.path:
            sys.path.append(path)
    found: dict[str, Any] = importlib.import_module("making").MUTANTS
    for file in sorted(folder.glob("*.py")):
        if not file.stem.startswith("__"):
            importlib.import_module(file.stem)
            for made in found.values():
                made.file = getattr(made, "file", file.stem)
    return found


async def judge_bootstrap(
    command: tuple[str, ...], cases: Sequence[Case], timeout_s: float = TIMEOUT_S, jobs: int = JOBS
) -> list[Judgement]:
    """Judge the bootstrap that a command starts, with the conformance handler in Python."""
    program = Program(HANDLERS / "python", command=command)
    async with RuntimeSide(program, HANDLER, {}, timeout_s) as side:
        return await judge(side, cases, jobs=jobs)


def caught(judgements: Iterable[Judgement]) -> list[str]:
    """The cases that a subject fails."""
    return sorted(judgement.case.id for judgement in judgements if judgement.verdict not in PASSED)


def read_matrix() -> dict[str, list[str]]:
    """The recorded matrix: for each mutant, the cases that it fails."""
    matrix: dict[str, list[str]] = json.loads(MATRIX.read_text())
    return matrix


def described(name: str) -> str:
    """The fault of a mutant, in words."""
    return str(mutants()[name].__doc__)


def cases_for(name: str) -> list[Case]:
    """The cases to run against a mutant."""
    cases = load_cases("runtime")
    group = mutants()[name].case.rpartition("/")[0]
    others = [case.id for case in cases if case.group != group and not case.basic]
    sample = Random(name).sample(others, SAMPLE)
    return [case for case in cases if case.basic or case.group == group or case.id in sample]


def _row(name: str) -> tuple[str, list[str]]:
    return name, caught(asyncio.run(judge_bootstrap(mutant(name), cases_for(name))))


def _whole_row(name: str) -> tuple[str, list[str]]:
    return name, caught(asyncio.run(judge_bootstrap(mutant(name), load_cases("runtime"))))


def main(arguments: list[str]) -> None:
    """Run the named mutants, or all, and record the cases that they fail."""
    row = _whole_row if "--all" in arguments else _row
    chosen = [argument for argument in arguments if argument != "--all"] or list(mutants())
    matrix = read_matrix() if MATRIX.exists() else {}
    with multiprocessing.Pool(2) as pool:
        for name, cases in pool.imap_unordered(row, chosen):
            matrix[name] = cases
            ordered = {name: matrix[name] for name in mutants() if name in matrix}
            MATRIX.write_text(json.dumps(ordered, indent=1) + "\n")
            print(name, len(cases), " ".join(cases), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
