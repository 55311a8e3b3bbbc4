"""`python -m benchmarks [PART…] [--rounds N]`: prints a table for each figure; judges, but never fails on, time."""

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import bootstraps, callers, cpu, large, layers, many, sandbox, size, start, tools, warm
from benchmarks.errors import Unusable
from benchmarks.report import Table

PARTS: dict[str, Callable[[tools.Tools, int], Iterator[Table]]] = {
    "warm": warm.measure,
    "bootstraps": bootstraps.measure,
    "callers": callers.measure,
    "many": many.measure,
    "large": large.measure,
    "cpu": cpu.measure,
    "start": start.measure,
    "size": size.measure,
    "layers": layers.measure,
    "sandbox": sandbox.measure,
}


def main() -> int:
    parts, rounds = _arguments()
    # As an exception it unwinds through what stops the servers.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"Medians of {rounds} rounds; ratios are medians of the rounds' ratios.\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="bootjack-bench-") as directory:
        try:
            built = tools.build(Path(directory).resolve())
        except Unusable as error:
            print(f"benchmarks: {error}", file=sys.stderr)
            return 1
        for part in parts:
            for table in PARTS[part](built, rounds):
                print(table.render(), flush=True)
    return 0


def _arguments() -> tuple[list[str], int]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all of them when none is named"
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each is measured (default 5)")
    given = parser.parse_args()
    if unknown := [part for part in given.parts if part not in PARTS]:
        parser.error(f"no part is named {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    return given.parts or list(PARTS), given.rounds


if __name__ == "__main__":
    sys.exit(main())
