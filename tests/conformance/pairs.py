"""Random pairs of a case and a mutant: which cases fail for faults that they are not about.

`python -m tests.conformance.pairs [COUNT [SEED]]` judges so many pairs, 2,000 with the seed 2 unless told otherwise,
and records the caught ones in `pairs.json` as it goes: started again with the same numbers, it goes on where it
stopped.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from random import Random
from typing import Any

from runtime_api.conformance.cases import load_cases
from tests.conformance.matrix import caught, judge_bootstrap, mutant, mutants

__all__ = ["chosen", "read_pairs"]

PAIRS = Path(__file__).with_name("pairs.json")
COUNT, SEED = 2000, 2
AT_A_TIME = 4
BATCH = 40  # pairs between two records


def chosen(count: int, seed: int) -> list[tuple[str, str]]:
    """Pairs of a mutant's name and a case's id, in the order in which they are judged."""
    every = [(name, case.id) for name in sorted(mutants()) for case in load_cases("runtime")]
    return Random(seed).sample(every, count)


def read_pairs() -> dict[str, Any]:
    """The record: count, seed, how many pairs were judged, and the caught cases by mutant."""
    record: dict[str, Any] = json.loads(PAIRS.read_text())
    return record


async def _judge(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the pairs in which the case catches the mutant."""
    cases = {case.id: case for case in load_cases("runtime")}
    turn = asyncio.Semaphore(AT_A_TIME)

    async def is_caught(name: str, case_id: str) -> bool:
        async with turn:
            return bool(caught(await judge_bootstrap(mutant(name), [cases[case_id]], jobs=1)))

    found = await asyncio.gather(*(is_caught(*pair) for pair in pairs))
    return [pair for pair, was in zip(pairs, found, strict=True) if was]


def main(arguments: list[str]) -> None:
    """Judge the pairs that are not judged yet."""
    count, seed = (int(text) for text in (*arguments, *(str(COUNT), str(SEED))[len(arguments) :]))
    record = read_pairs() if PAIRS.exists() else {}
    if (record.get("count"), record.get("seed")) != (count, seed):
        record = {"count": count, "seed": seed, "judged": 0, "caught": {}}
    pairs = chosen(count, seed)
    while record["judged"] < count:
        batch = pairs[record["judged"] : record["judged"] + BATCH]
        for name, case_id in asyncio.run(_judge(batch)):
            record["caught"].setdefault(name, []).append(case_id)
        record["judged"] += len(batch)
        PAIRS.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
        print(f"{record['judged']} of {count}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
