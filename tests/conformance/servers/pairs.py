"""Random pairs of a case and a mutant of the server: which cases fail for faults that they are not about.

`python -m tests.conformance.servers.pairs [COUNT [SEED]]` judges so many pairs, 2,000 with the seed 2 unless told
otherwise, a mutant at a time. `pairs.json` records the caught ones as it goes: started again with the same numbers,
it goes on where it stopped.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from runtime_api.conformance.cases import Case, load_cases
from runtime_api.conformance.server.features import PROBES
from tests.conformance.servers.matrix import AT_A_TIME, surely_caught
from tests.conformance.servers.mutants import Mutant, mutants

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["chosen", "read_pairs"]

PAIRS = Path(__file__).with_name("pairs.json")
COUNT, SEED = 2000, 2


def chosen(count: int, seed: int) -> dict[str, list[str]]:
    """The ids of the cases for each mutant, by its name."""
    ids = [case.id for case in load_cases("server", "extensions")]
    every = [(mutant.name, case_id) for mutant in mutants() for case_id in ids]
    cases: dict[str, list[str]] = {}
    for name, case_id in Random(seed).sample(every, count):
        cases.setdefault(name, []).append(case_id)
    return cases


def read_pairs() -> dict[str, Any]:
    """The record: count, seed, how many cases each mutant was judged by, and the caught ones."""
    record: dict[str, Any] = json.loads(PAIRS.read_text())
    return record


def _together(cases: list[Case]) -> Iterator[list[Case]]:
    """Those cases together that one server takes; a basic one is alone, since others are skipped when it fails."""
    yield [case for case in cases if not case.basic and case.feature != "function-url"]
    yield [case for case in cases if not case.basic and case.feature == "function-url"]
    yield from ([case] for case in cases if case.basic)


def _row(work: tuple[Mutant, list[str]]) -> tuple[str, int, list[str]]:
    """A mutant's name, the number of its cases, and those that catch it."""
    mutant, ids = work
    cases = [case for case in load_cases("server", "extensions") if case.id in ids]
    found = [surely_caught(mutant, some, (mutant.case,), tuple(PROBES)) for some in _together(cases) if some]
    return mutant.name, len(ids), [case_id for some in found for case_id in some]


def main(arguments: list[str]) -> None:
    """Judge the mutants that are not judged yet."""
    count, seed = (int(text) for text in (*arguments, *(str(COUNT), str(SEED))[len(arguments) :]))
    record = read_pairs() if PAIRS.exists() else {}
    if (record.get("count"), record.get("seed")) != (count, seed):
        record = {"count": count, "seed": seed, "judged": {}, "caught": {}}
    cases = chosen(count, seed)
    left = [mutant for mutant in mutants() if mutant.name in cases and mutant.name not in record["judged"]]
    with ProcessPoolExecutor(AT_A_TIME) as pool:
        for row in as_completed([pool.submit(_row, (mutant, cases[mutant.name])) for mutant in left]):
            name, judged, found = row.result()
            if found:
                record["caught"][name] = found
            record["judged"][name] = judged
            PAIRS.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
            print(f"{sum(record['judged'].values())} of {count}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
