"""Large events, one caller: how many a second go through, there and back."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import load, payloads, servers
from benchmarks.report import MEASURED, Goal, Table
from benchmarks.rounds import interleave
from benchmarks.servers import Server
from benchmarks.tools import Tools


class Size(NamedTuple):
    """One size of event, how many are sent, and the rate wanted."""

    name: str
    size: int
    warm_up: int
    requests: int
    goal: Goal


class Shape(NamedTuple):
    """One way to fill an event."""

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
    with servers.running(server, tools) as running:
        load.send(tools, running, payload, size.warm_up)
        return load.send(tools, running, payload, size.requests).rate
