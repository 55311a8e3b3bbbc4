"""Measure bootjack beside its peers and print a table for each figure. A missed target never fails the run."""

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import (
    bootstraps,
    callers,
    cold,
    collected,
    cpu,
    events,
    instructions,
    large,
    layers,
    many,
    node,
    queues,
    sandbox,
    service,
    size,
    start,
    streaming,
    telemetry,
    tools,
    warm,
)
from benchmarks.errors import Unusable
from benchmarks.report import Table

Measure = Callable[[tools.Tools, int], Iterator[Table]]


@dataclass(frozen=True)
class Part:
    """A benchmark that can be run by name."""

    measure: Measure
    help: str


PARTS = {
    "warm": Part(warm.measure, "latency and rate of warm invocations, one caller"),
    "instructions": Part(instructions.measure, "the server's instructions and wall time of one warm invocation"),
    "bootstraps": Part(bootstraps.measure, "the Python bootstrap beside awslambdaric"),
    "node": Part(node.measure, "the bootstrap for Node.js beside AWS's"),
    "callers": Part(callers.measure, "rate of eight callers on eight execution environments"),
    "many": Part(many.measure, "warm invocations of one function among 1,000"),
    "service": Part(service.measure, "start of the service on 10,000 functions, its warm functions, its reads"),
    "large": Part(large.measure, "rate of events of 100 KB and 5 MB"),
    "streaming": Part(streaming.measure, "streamed responses: the first byte, the rate, the server's memory"),
    "cpu": Part(cpu.measure, "the server's CPU time of one warm invocation"),
    "events": Part(events.measure, "durable events: rate of their intake, and the server's CPU time for one"),
    "queues": Part(queues.measure, "messages of a queue beside one client of moto; an idle mapping"),
    "start": Part(start.measure, "wall time of whole commands, from their start to the first response"),
    "size": Part(size.measure, "disk space that an installation takes"),
    "layers": Part(layers.measure, "packing of layers, their size and their cold start"),
    "sandbox": Part(sandbox.measure, "cost of isolation: cold starts, memory, freezing"),
    "telemetry": Part(telemetry.measure, "lines of a function with a subscriber to its telemetry"),
    "cold": Part(cold.measure, "cold starts in bubblewrap, beside those of another checkout"),
}
COMPARED = frozenset({"instructions", "cold"})  # with another checkout
EPILOG = "parts:\n" + "\n".join(f"  {name:14}{part.help}" for name, part in PARTS.items())


def main() -> int:
    arguments = _arguments()
    if arguments.collected:
        return _print_collected(arguments.collected)
    # As an exception, SIGTERM unwinds through the context managers that stop the servers.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"Medians of {arguments.rounds} rounds; ratios are medians of the rounds' ratios.\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="bootjack-bench-") as directory:
        try:
            built = tools.build(Path(directory).resolve())
            for measure in _measures(arguments):
                for table in measure(built, arguments.rounds):
                    print(table.render(), flush=True)
                    if arguments.append:
                        table.append_to(arguments.append)
        except Unusable as error:
            print(f"benchmarks: {error}", file=sys.stderr)
            return 1
    return _print_collected(arguments.append) if arguments.append else 0


def _print_collected(file: Path) -> int:
    try:
        print(collected.render(file))
    except Unusable as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


def _measures(arguments: argparse.Namespace) -> list[Measure]:
    measures = {name: part.measure for name, part in PARTS.items()}
    measures["instructions"] = partial(instructions.measure, against=arguments.against)
    measures["cold"] = partial(cold.measure, against=arguments.against)
    return [measures[name] for name in arguments.parts or PARTS]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help="the benchmarks to run, of those below (default: all)"
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds to measure (default: 5)")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="CHECKOUT",
        help="instructions, cold: compare with the bootjack in this directory, which holds another version's sources",
    )
    parser.add_argument(
        "--append",
        type=Path,
        metavar="FILE",
        help="add each table's samples to this file, a line of JSON for each; print what all runs in it gave",
    )
    parser.add_argument(
        "--collected",
        type=Path,
        metavar="FILE",
        help="run nothing; print how each figure with a target came out in the runs that --append has put in FILE",
    )
    given = parser.parse_args()
    if unknown := [part for part in given.parts if part not in PARTS]:
        parser.error(f"unknown PART {', '.join(unknown)}; choose from {', '.join(PARTS)}")
    if given.against and given.parts and COMPARED.isdisjoint(given.parts):
        parser.error(f"--against is for the parts {' and '.join(sorted(COMPARED))}: name one of them too")
    if given.append and not given.append.absolute().parent.is_dir():
        parser.error(f"--append {given.append}: its directory does not exist")
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    return given


if __name__ == "__main__":
    sys.exit(main())
