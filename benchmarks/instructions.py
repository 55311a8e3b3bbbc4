"""Instructions and wall time of one warm invocation of a 64 B event, beside those of `bare` and of another checkout.

The load is one caller on one connection of `bootjack serve --sandbox process` with the C bootstrap. Only the server's
own user-space instructions count. A busy machine changes them by a few in a thousand, so they show differences that
wall time hides. Wall time is measured without the counter, by turns on servers that run side by side.
"""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import counters, launching, load, payloads, servers
from benchmarks.checkouts import PROJECT, Checkout, checkout
from benchmarks.errors import Unmeasured
from benchmarks.report import BEFORE, MEASURED, Goal, Table
from benchmarks.rounds import Samples, interleave
from benchmarks.tools import Tools

COUNT_ROUNDS = 3  # counts differ by a few in a thousand from round to round: more rounds add nothing
WARM_UP = 1000
TURNS = 8
BARE = "bare"
TURN_REQUESTS = 1000


def measure(tools: Tools, rounds: int, against: Path | None = None) -> Iterator[Table]:
    checkouts = {MEASURED: checkout(PROJECT, tools.scratch)}
    if against:
        checkouts[BEFORE] = checkout(against, tools.scratch)
    payload = payloads.write(tools.scratch, "warm.json", payloads.long_string(payloads.WARM_BYTES))
    notes = [f"{name}: {each.describe()}" for name, each in checkouts.items()]
    yield from _wall(checkouts, tools, payload, rounds, notes)
    yield _counted(checkouts, tools, payload, rounds, notes)


def _counted(checkouts: dict[str, Checkout], tools: Tools, payload: Path, rounds: int, notes: list[str]) -> Table:
    title = "Instructions of the server per warm invocation, 64 B, one caller"
    try:
        counter = counters.choose(tools.scratch)
    except Unmeasured as reason:
        return Table(title, "", {}, dict.fromkeys(checkouts, str(reason)), notes=notes)
    counted = {name: servers.of_checkout("counted", each) for name, each in checkouts.items()}
    counted[BARE] = servers.bare()
    subjects = {name: partial(counter.per_invocation, each, tools, payload) for name, each in counted.items()}
    samples = interleave(f"instructions, {counter.name}", subjects, min(rounds, COUNT_ROUNDS))
    goals = _goals(checkouts, 1.03) or {MEASURED: Goal(4.9, 3.2, BARE)}
    title = f"{title} ({counter.name})"
    return Table(title, "", samples.figures(float), samples.missing, goals, digits=0, notes=notes)


def _wall(
    checkouts: dict[str, Checkout], tools: Tools, payload: Path, rounds: int, notes: list[str]
) -> Iterator[Table]:
    samples: Samples[load.Figures] = Samples({name: [] for name in checkouts})
    for number in range(1, rounds + 1):
        title = f"instructions, wall, start {number} of {rounds}"
        try:
            for name, figures in _by_turns(title, checkouts, tools, payload).items():
                samples.taken[name].append(figures)
        except Unmeasured as reason:
            samples = Samples({}, dict.fromkeys(checkouts, str(reason)))
            break
    title = "Wall time per warm invocation, 64 B, one caller"
    goals = _goals(checkouts, 1.10)
    p50, mean = samples.figures(lambda each: each.p50_us), samples.figures(lambda each: 1e6 / each.rate)
    yield Table(f"{title}: p50", "µs", p50, samples.missing, goals, notes=notes)
    yield Table(f"{title}: mean", "µs", mean, samples.missing, notes=notes)


def _by_turns(title: str, checkouts: dict[str, Checkout], tools: Tools, payload: Path) -> dict[str, load.Figures]:
    """Start all servers, then send each a short load in turn: what disturbs one disturbs the other alike."""
    with contextlib.ExitStack() as stack:
        subjects = {}
        for name, each in checkouts.items():
            running = stack.enter_context(launching.running(servers.of_checkout(name, each), tools))
            load.send(tools, running, payload, WARM_UP)
            subjects[name] = partial(load.send, tools, running, payload, TURN_REQUESTS)
        turns = interleave(title, subjects, TURNS)
    if turns.missing:
        raise Unmeasured("; ".join(f"{name}: {reason}" for name, reason in turns.missing.items()))
    return {name: _median(figures) for name, figures in turns.taken.items()}


def _median(turns: list[load.Figures]) -> load.Figures:
    return load.Figures(*(median(column) for column in zip(*turns, strict=True)))


def _goals(checkouts: dict[str, Checkout], bound: float) -> dict[str, Goal]:
    return {MEASURED: Goal(bound, 1.0, BEFORE)} if BEFORE in checkouts else {}
