"""Cold starts in bubblewrap beside those of another checkout, by turns on servers that run side by side.

Each start is the first invocation of a function of its own through the port of `bootjack serve --sandbox bubblewrap`,
with the options that each version has by default: whatever a version adds to its sandbox is part of its figure. The
other version need not know the options of this one.
"""

import contextlib
import http.client
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks import launching, servers
from benchmarks.checkouts import PROJECT, Checkout, checkout
from benchmarks.errors import Unmeasured
from benchmarks.launching import INVOKE_PATH
from benchmarks.report import BEFORE, MEASURED, Goal, Table
from benchmarks.tools import Tools

STARTS = 30  # of each version in a round
WARM_UP = 3  # starts that do not count: a server's first ones read files that no later one has to
LIMIT_SECONDS = 30
EVENT = '{"text":"Hello"}'
ABOVE = f"{MEASURED}, above {BEFORE}"
BOUND_MS = 4  # above the version before, with everything that a sandbox has by default


def measure(tools: Tools, rounds: int, against: Path | None = None) -> Iterator[Table]:
    checkouts = {MEASURED: checkout(PROJECT, tools.scratch)}
    if against:
        checkouts[BEFORE] = checkout(against, tools.scratch)
    title = f"Cold start in bubblewrap with the C bootstrap, to the first response: medians of {STARTS} by turns"
    notes = [f"{name}: {each.describe()}" for name, each in checkouts.items()]
    try:
        taken = [_round(f"cold, round {number} of {rounds}", checkouts, tools) for number in range(1, rounds + 1)]
    except Unmeasured as reason:
        yield Table(title, "ms", {}, dict.fromkeys(checkouts, str(reason)), notes=notes)
        return
    figures = {name: [median(starts[name]) for starts in taken] for name in checkouts}
    yield Table(title, "ms", figures, notes=notes)
    if against:
        above = {ABOVE: [_above(starts) for starts in taken]}
        title = f"The same, above the version before: medians of the differences of {STARTS} pairs"
        yield Table(title, "ms", above, goals={ABOVE: Goal(BOUND_MS, 0)})


def _round(title: str, checkouts: dict[str, Checkout], tools: Tools) -> dict[str, list[float]]:
    """Start a server of each version, then functions on them in turn: what disturbs one disturbs the other alike."""
    print(title, file=sys.stderr)
    taken: dict[str, list[float]] = {name: [] for name in checkouts}
    with contextlib.ExitStack() as stack:
        running = {
            name: stack.enter_context(
                launching.running(
                    servers.of_checkout(name, each, functions=WARM_UP + STARTS, sandbox=("bubblewrap",)), tools
                )
            )
            for name, each in checkouts.items()
        }
        names = list(checkouts)
        for number in range(WARM_UP + STARTS):
            for name in names:
                took = _first_response_ms(running[name].port, f"echo{number}")
                if number >= WARM_UP:
                    taken[name].append(took)
            names.reverse()
    return taken


def _first_response_ms(port: int, function: str) -> float:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_SECONDS)) as caller:
        caller.connect()
        begin = time.perf_counter()
        caller.request("POST", INVOKE_PATH.format(function), EVENT)
        answer = caller.getresponse().read()
        took = (time.perf_counter() - begin) * 1000
    if answer != EVENT.encode():
        raise Unmeasured(f"the response was {answer[:200]!r}")
    return took


def _above(starts: dict[str, list[float]]) -> float:
    """By how much this version takes longer: two starts in a row share the state of the machine."""
    return median(own - other for own, other in zip(starts[MEASURED], starts[BEFORE], strict=True))
