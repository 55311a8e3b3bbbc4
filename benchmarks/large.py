"""Rate of invocations with large events and responses, one caller."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import launching, load, payloads, servers
from benchmarks.launching import Server
from benchmarks.report import MEASURED, Goal, Table
from benchmarks.rounds import interleave
from benchmarks.tools import Tools


class Size(NamedTuple):
    """A size of event, and the number to send."""

    name: str
    size: int
    warm_up: int
    requests: int


class Shape(NamedTuple):
    """A way to fill an event, and the goals for the rate, by size."""

    name: str
    document: Callable[[int], bytes]
    goals: dict[str, tuple[Goal, ...]]


def _at_least(target: float, aim: float, peer: str) -> Goal:
    return Goal(target, aim, peer, at_least=True)


SIZES = (Size("100 KB", 100_000, 100, 600), Size("5 MB", 5_000_000, 6, 30))
SHAPES = (
    Shape(
        "one long string",
        payloads.long_string,
        {"100 KB": (_at_least(3.0, 4.5, "RIE"),), "5 MB": (_at_least(1.2, 1.35, "RIE"),)},
    ),
    Shape(
        "a nested document",
        payloads.nested,
        {
            "100 KB": (_at_least(1.8, 2.2, "cargo-lambda"), _at_least(0.5, 0.6, "bare")),
            "5 MB": (_at_least(0.65, 0.9, "cargo-lambda"), _at_least(2.0, 2.4, "RIE")),
        },
    ),
)


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    for shape in SHAPES:
        for size in SIZES:
            payload = payloads.write(tools.scratch, "large.json", shape.document(size.size))
            subjects = {server.name: partial(_once, server, tools, payload, size) for server in servers.everyone()}
            title = f"{size.name} event, {shape.name}, one caller"
            samples = interleave(title, subjects, rounds)
            goals = {MEASURED: shape.goals[size.name]}
            yield Table(f"{title}: rate", "1/s", samples.figures(float), samples.missing, goals)


def _once(server: Server, tools: Tools, payload: Path, size: Size) -> float:
    with launching.running(server, tools) as running:
        load.send(tools, running, payload, size.warm_up)
        return load.send(tools, running, payload, size.requests).rate
