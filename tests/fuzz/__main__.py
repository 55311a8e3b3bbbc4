"""Fuzz both ports with seeded inputs. Prints one line; exit code 1 when something did not hold.

Each input has a number: the same seed and number give the same input, so a run can go on where another ended. What
fails is kept in tests/fuzz/seeds, which the tests replay.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz.in_process import run_in_process
from tests.fuzz.inputs import SEEDS
from tests.fuzz.over_sockets import run_over_sockets


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, metavar="N", help="how many inputs (default: 100,000)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="random seed (default: 1)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first input's number (default: 0)")
    parser.add_argument("--sockets", action="store_true", help="over sockets, to servers that run as processes")
    parser.add_argument("--seeds", type=Path, default=SEEDS, metavar="DIR", help="where to keep inputs that fail")
    given = parser.parse_args()
    if given.inputs < 1 or given.first < 0 or given.seed < 0:
        parser.error("--inputs must be at least 1, --first and --seed at least 0")
    if given.sockets:
        done, where = run_over_sockets(given.seed, given.first, given.inputs, given.seeds), "over sockets"
    else:
        done, where = run_in_process(given.seed, given.first, given.inputs, given.seeds), "in process"
    for number, why in done.failures:
        print(f"{number}: {why}" if number >= 0 else why, file=sys.stderr)
    print(done.line(where, given.seed, given.first))
    return 1 if done.failures else 0


if __name__ == "__main__":
    sys.exit(main())
