"""Case x mutant: which cases fail for which mutant of the server.

`python -m tests.conformance.servers.matrix [NAME...]` runs mutants and writes the cases that they fail to
`matrix.json`, and the table to `docs/conformance-servers.md`. For a mutant it runs all cases in the group of the one
that it breaks, what is recorded for it, and a sample of the others that depends on the mutant's name; with `--all`
every case of its feature. `progress.json` says which mutants have run: started again, it goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from runtime_api.conformance.cases import Case, load_cases
from runtime_api.conformance.judge import judge
from runtime_api.conformance.server.side import ServerSide
from runtime_api.conformance.server.template import read_template
from runtime_api.conformance.verdicts import Judgement, Verdict
from tests.conformance.servers.fork_server import ForkServer
from tests.conformance.servers.mutants import Mutant, mutants
from tests.conformance.servers.subjects import ours, service

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = [
    "AT_A_TIME",
    "MATRIX",
    "caught",
    "counting",
    "judge_server",
    "judged_cases",
    "read_matrix",
    "surely_caught",
    "table",
]

MATRIX = Path(__file__).with_name("matrix.json")
PROGRESS = Path(__file__).with_name("progress.json")  # while a run is not complete
DOCS = Path(__file__).parents[3] / "docs" / "conformance-servers.md"
BEGIN, END = "<!-- mutants: begin -->", "<!-- mutants: end -->"
TIMEOUT_S = 3.0
SURE_TIMEOUT_S = 12.0  # for a second look at what fails for a fault that it is not about
JOBS = 6
AT_A_TIME = 3  # mutants
SAMPLE = 12
SHOWN = 6


def judged_cases(mutant: Mutant | None = None) -> list[Case]:
    """The cases that a mutant is judged by: those of the feature that it breaks, or those of no feature."""
    cases = load_cases("server", "extensions")
    feature = next((_feature(case) for case in cases if mutant is not None and case.id == mutant.case), None)
    return [case for case in cases if _feature(case) == feature]


def _feature(case: Case) -> str | None:
    """The optional part that a case is about; the Logs API and its successor are one."""
    return "telemetry" if case.feature == "logs" else case.feature


def judge_server(
    mutant: Mutant | None, cases: Sequence[Case], timeout_s: float = TIMEOUT_S, features: Iterable[str] = ()
) -> list[Judgement]:
    """Judge a mutant, or with None the unpatched server; it is not probed for these features."""

    template = service() if any(case.feature == "function-url" for case in cases) else ours()

    async def run() -> list[Judgement]:
        with ForkServer(mutant) as begin:
            async with ServerSide(read_template(template), timeout_s, begin, features) as side:
                return await judge(side, cases, jobs=JOBS)

    return asyncio.run(run())


def caught(judgements: Iterable[Judgement]) -> list[str]:
    """The cases that a server fails."""
    return [
        judgement.case.id for judgement in judgements if judgement.verdict in (Verdict.FAILED, Verdict.NON_STRICT)
    ]


def surely_caught(
    mutant: Mutant, cases: Sequence[Case], known: Collection[str], features: Collection[str] = ()
) -> list[str]:
    """The cases that a mutant fails; what is not known has to fail twice, since the machine may be busy."""
    found = caught(judge_server(mutant, cases, features=features))
    doubtful = [case for case in cases if case.id in found and case.id not in known]
    sure = caught(judge_server(mutant, doubtful, SURE_TIMEOUT_S, features)) if doubtful else []
    return [case_id for case_id in found if case_id in known or case_id in sure]


def read_matrix() -> dict[str, list[str]]:
    """The recorded matrix: for each mutant, the cases that it fails."""
    matrix: dict[str, list[str]] = json.loads(MATRIX.read_text("utf-8"))
    return matrix


def counting(matrix: dict[str, list[str]]) -> int:
    """The number of distinct cases: cases that the same mutants fail count once, and cases that none fails, not."""
    failed_by: dict[str, set[str]] = {}
    for name, cases in matrix.items():
        for case in cases:
            failed_by.setdefault(case, set()).add(name)
    return len({frozenset(names) for names in failed_by.values()})


def table(matrix: dict[str, list[str]]) -> str:
    """The matrix as Markdown: for each mutant, the case for its fault, and the other cases that it fails."""
    lines = ["| A server in which … | fails | and |", "|---|---|---|"]
    for mutant in mutants():
        others = [case for case in matrix[mutant.name] if case != mutant.case]
        more = f" … ({len(others)} in total)" if len(others) > SHOWN else ""
        lines.append(f"| {mutant.name} | {mutant.case} | {', '.join(others[:SHOWN])}{more} |")
    return "\n".join(lines)


def written(page: str, matrix: dict[str, list[str]]) -> str:
    """The page with the present table."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(matrix)}\n{END}{after}"


def cases_for(mutant: Mutant, known: Collection[str]) -> list[Case]:
    """The cases to run against a mutant of which these are known to fail."""
    cases = judged_cases(mutant)
    group = mutant.case.rpartition("/")[0]
    others = [case.id for case in cases if case.group != group]
    chosen = {*known, *Random(mutant.name).sample(others, min(SAMPLE, len(others)))}
    return [case for case in cases if case.group == group or case.id in chosen]


def _row(work: tuple[Mutant, list[str], bool]) -> tuple[str, list[str]]:
    mutant, known, every = work
    cases = judged_cases(mutant) if every else cases_for(mutant, known)
    return mutant.name, surely_caught(mutant, cases, {mutant.case, *known})


def main(arguments: list[str]) -> None:
    """Run the named mutants, or all, and record the cases that they fail."""
    names = [argument for argument in arguments if argument != "--all"]
    matrix = read_matrix() if MATRIX.exists() else {}
    done: list[str] = json.loads(PROGRESS.read_text()) if PROGRESS.exists() else []
    chosen = [mutant for mutant in mutants() if mutant.name in names or (not names and mutant.name not in done)]
    works = [(mutant, matrix.get(mutant.name, []), "--all" in arguments) for mutant in chosen]
    with ProcessPoolExecutor(AT_A_TIME) as pool:
        for row in as_completed([pool.submit(_row, work) for work in works]):
            name, cases = row.result()
            matrix[name] = cases
            done.append(name)
            PROGRESS.write_text(json.dumps(done))
            _write(matrix)
            print(name, len(cases), " ".join(cases), flush=True)
    PROGRESS.unlink(missing_ok=True)


def _write(matrix: dict[str, list[str]]) -> None:
    ordered = {mutant.name: matrix[mutant.name] for mutant in mutants() if mutant.name in matrix}
    lines = [f" {json.dumps(name)}: {json.dumps(cases)}" for name, cases in ordered.items()]
    MATRIX.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    if len(ordered) == len(mutants()):
        DOCS.write_text(written(DOCS.read_text("utf-8"), ordered))


if __name__ == "__main__":
    main(sys.argv[1:])
