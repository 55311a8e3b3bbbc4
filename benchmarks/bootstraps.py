"""The Python bootstrap compared with awslambdaric: start, memory, and warm cycles from event to event."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import parallel, payloads
from benchmarks.errors import Unmeasured
from benchmarks.report import Goal, Table
from benchmarks.rounds import Samples, interleave
from benchmarks.tools import Tools

OURS, AWS, ALONE = "bootjack", "awslambdaric", "bootjack, python3 -I -S"
SCRIPT = Path(__file__).parents[1] / "bootstrap" / "bootjack_bootstrap" / "bootstrap"
HANDLER = "def handler(event, context):\n    return event\n"
COLD_ROUNDS = 15
COMMANDS = {
    OURS: [sys.executable, str(SCRIPT)],
    ALONE: [sys.executable, "-I", "-S", str(SCRIPT)],
    AWS: [sys.executable, "-m", "awslambdaric"],
}


class Event(NamedTuple):
    """An event to echo, the number of cycles, and the goal compared with awslambdaric."""

    title: str
    payload: bytes
    warm_up: int
    cycles: int
    goal: Goal


EVENTS = (
    Event("64 B", payloads.long_string(payloads.WARM_BYTES), 500, 3000, Goal(0.4, 0.4, AWS)),
    Event("100 KB, a nested document", payloads.nested(100_000), 50, 300, Goal(0.2, 0.2, AWS)),
    Event("100 KB, one long string", payloads.long_string(100_000), 50, 300, Goal(0.4, 0.4, AWS)),
    Event("5 MB, a nested document", payloads.nested(5_000_000), 3, 10, Goal(0.6, 0.5, AWS)),
)


class Run(NamedTuple):
    """The figures of one process: time to its first /next, median cycle, and resident memory at rest."""

    ready_ms: float
    cycle_us: float
    resident_kb: float


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    (tools.scratch / "app.py").write_text(HANDLER)
    small = payloads.write(tools.scratch, "event.json", EVENTS[0].payload)
    subjects = {name: partial(_once, tools, command, small, 1, 1) for name, command in COMMANDS.items()}
    cold = interleave("bootstraps, cold", subjects, max(rounds, COLD_ROUNDS))
    yield _table(
        "Bootstrap: process start to first /next", "ms", cold, lambda run: run.ready_ms, Goal(0.42, 0.42, AWS)
    )
    yield _table("Bootstrap: resident memory at rest", "KB", cold, lambda run: run.resident_kb, Goal(1.0, 0.8, AWS))
    for event in EVENTS:
        payload = payloads.write(tools.scratch, "event.json", event.payload)
        subjects = {
            name: partial(_once, tools, COMMANDS[name], payload, event.warm_up, event.cycles) for name in (OURS, AWS)
        }
        samples = interleave(f"bootstraps, {event.title}", subjects, rounds)
        title = f"Bootstrap: warm cycle, {event.title}, on one core"
        yield _table(title, "µs", samples, lambda run: run.cycle_us, event.goal)
    yield from parallel.measure(tools.scratch, COMMANDS[OURS], rounds)


def _table(title: str, unit: str, samples: Samples[Run], figure: Callable[[Run], float], goal: Goal) -> Table:
    return Table(title, unit, samples.figures(figure), samples.missing, {OURS: goal})


def _once(tools: Tools, command: list[str], payload: Path, warm_up: int, cycles: int) -> Run:
    """Feeder and bootstrap share a core, since wake-ups across cores would dominate the time."""
    core = max(os.sched_getaffinity(0))
    pinned = ["taskset", "-c", str(core)]
    feeder = subprocess.Popen(
        [*pinned, str(tools.feeder), str(payload), str(warm_up), str(cycles)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with feeder:
        assert feeder.stdout is not None
        port = feeder.stdout.readline().strip()
        began = time.monotonic()
        bootstrap = subprocess.Popen([*pinned, *command, "app.handler"], cwd=tools.scratch, env=_environment(port))
        with bootstrap:
            try:
                ready, cycle = float(_line(feeder)) / 1e6, float(_line(feeder))
                return Run((ready - began) * 1e3, cycle, _resident_kb(bootstrap.pid))
            finally:
                bootstrap.kill()
                feeder.kill()


def _environment(port: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}"}


def _line(feeder: "subprocess.Popen[str]") -> str:
    assert feeder.stdout is not None
    line = feeder.stdout.readline()
    if not line:
        raise Unmeasured("the bootstrap failed: see its output above")
    return line


def _resident_kb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return float(line.split()[1])
    raise Unmeasured("no resident size in smaps_rollup")
