"""Drive the machines through more worlds than the tests do; exit code 1 when a rule broke.

Prints a line for each kind of world, and each broken one with its seed.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from runtime_api.protocol.states import CLASSIC, CONCURRENT, SNAPSTART

from .fleet_world import Broken as BrokenFleet
from .fleet_world import FleetWorld
from .life import Life
from .limits_world import LimitsWorld
from .world import Broken

if TYPE_CHECKING:
    from collections.abc import Callable


def life(mode: str, seed: int) -> None:
    """Live one environment's life."""
    Life(Random(seed), mode, {"classic": CLASSIC, "concurrent": CONCURRENT, "snapstart": SNAPSTART}[mode]).live()


def fleet(seed: int) -> None:
    """Run one pool."""
    FleetWorld(Random(seed)).run()


def limits(seed: int) -> None:
    """Run one pool with limits that change."""
    LimitsWorld(Random(seed)).run()


KINDS: dict[str, Callable[[int], None]] = {
    "classic": partial(life, "classic"),
    "concurrent": partial(life, "concurrent"),
    "snapstart": partial(life, "snapstart"),
    "fleet": fleet,
    "limits": limits,
}


def broken(kind: str, first: int, worlds: int) -> int:
    """Return in how many of the worlds a rule broke; each is reported."""
    count = 0
    for seed in range(first, first + worlds):
        try:
            KINDS[kind](seed)
        except (Broken, BrokenFleet) as why:
            print(f"{kind}: seed {seed}: {why}", file=sys.stderr)
            count += 1
    print(f"{kind}: {worlds:,} worlds from seed {first}, {count} broken", flush=True)
    return count


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)} (default: all)")
    parser.add_argument(
        "--worlds", type=int, default=10_000, metavar="N", help="worlds of each kind (default: 10,000)"
    )
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first world's seed (default: 0)")
    given = parser.parse_args()
    if unknown := set(given.kinds) - set(KINDS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; kinds are {', '.join(KINDS)}")
    if given.worlds < 1 or given.first < 0:
        parser.error("--worlds must be at least 1, --first at least 0")
    return 1 if sum([broken(kind, given.first, given.worlds) for kind in given.kinds or KINDS]) else 0


if __name__ == "__main__":
    sys.exit(main())
