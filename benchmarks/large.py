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
    """A size of event, the number to send, and the goal for the rate."""

    name: str
    size: int
    warm_up: int
    requests: int
    goal: Goal


class Shape(NamedTuple):
    """A way to fill an event."""

    name: str
    document: Callable[[int], bytes]


SIZES = (
    Size("100 KB", 100_000, 100, 600, Goal(3.0, 4.5, "RIE", at_least=True)),
    Size("5 MB", 5_000_000, 6, 30, Goal(1.2, 1.35, "RIE", at_least=True)),
)
SHAPES = (Shape("one long string", payloads.long_string), Shape("a nested document", payloads.nested))


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    for shape in SHAPES:
        for size in SIZES:
            payload = payloads.write(tools.scratch, "large.json", shape.document(size.size))
            subjects = {server.name: partial(_once, server, tools, payload, size) for server in servers.everyone()}
            title = f"{size.name} event, {shape.name}, one caller"
            samples = interleave(title, subjects, rounds)
            goals = {MEASURED: size.goal}
            yield Table(f"{title}: rate", "1/s", samples.figures(float), samples.missing, goals)


def _once(server: Server, tools: Tools, payload: Path, size: Size) -> float:
    with launching.running(server, tools) as running:
        load.send(tools, running, payload, size.warm_up)
        return load.send(tools, running, payload, size.requests).rate
