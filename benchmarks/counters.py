"""Count the user-space instructions that a server executes for one warm invocation.

`perf stat` reads the processor's counter, and many virtual machines have none. cachegrind executes the server on a
simulated processor, about 25 times slower. The server's clock is slowed by that factor as well: the server does some
things every few milliseconds, such as writing its log, and they would otherwise count for each invocation.
"""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import launching, load, servers
from benchmarks.errors import Unmeasured
from benchmarks.launching import Server
from benchmarks.tools import Tools

EVENT = "instructions:u"
WARM_UP = 500
REQUESTS = 5000
PROBE_LIMIT_SECONDS = 20


@dataclass(frozen=True)
class Counter:
    """A way to count: its name, and the count of a server for one invocation."""

    name: str
    per_invocation: Callable[[Server, Tools, Path], float]


def choose(scratch: Path) -> Counter:
    """perf if this machine counts instructions, else cachegrind."""
    perf = shutil.which("perf")
    if perf and _counts(scratch / "probe.csv"):
        return Counter("perf", _with_perf)
    if shutil.which("valgrind"):
        return Counter("cachegrind", _with_cachegrind)
    missing = "perf can't count instructions here" if perf else "there is no perf on PATH"
    raise Unmeasured(f"{missing}, and there is no valgrind on PATH: install valgrind")


def _perf_command(output: Path) -> list[str]:
    return ["perf", "stat", "-x", ",", "-e", EVENT, "-o", str(output)]


def _perf_count(output: Path) -> float | None:
    """The count in a file that `perf stat -x ,` wrote; None if perf had nothing to count with."""
    for line in output.read_text().splitlines():
        count = line.partition(",")[0]
        if count.replace(".", "", 1).isdigit():
            return float(count)
    return None


def _counts(output: Path) -> bool:
    command = [*_perf_command(output), "true"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PROBE_LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and _perf_count(output) is not None


def _with_perf(server: Server, tools: Tools, payload: Path) -> float:
    """Attach to the warm server while the load runs."""
    output = tools.scratch / "perf.csv"
    with launching.running(server, tools) as running:
        load.send(tools, running, payload, WARM_UP)
        attached = [*_perf_command(output), "--no-inherit", "-p", str(running.process), "--"]
        load.send(tools, running, payload, REQUESTS, under=attached)
    count = _perf_count(output)
    if count is None:
        raise Unmeasured(f"perf counted nothing: {output.read_text().strip()}")
    return count / REQUESTS


def _with_cachegrind(server: Server, tools: Tools, payload: Path) -> float:
    """The difference between a long and a short run, which have start, warm-up and shutdown in common."""
    with launching.running(server, tools) as running:
        load.send(tools, running, payload, WARM_UP)  # compiles what either run would find compiled or not
    short, long = (_cachegrind_total(server, tools, payload, count) for count in (WARM_UP, WARM_UP + REQUESTS))
    return (long - short) / REQUESTS


def _cachegrind_total(server: Server, tools: Tools, payload: Path, requests: int) -> int:
    # %p, since a child that fails to execute the bootstrap writes a file as well.
    pattern = tools.scratch / "cachegrind.%p"
    valgrind = ["valgrind", "--quiet", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={pattern}"]
    with launching.running(servers.simulated(server, valgrind), tools) as running:
        load.send(tools, running, payload, requests)
        output = tools.scratch / f"cachegrind.{running.process}"
    return _summary(output)


def _summary(output: Path) -> int:
    """The total that cachegrind writes in the last line of its file."""
    try:
        name, _, count = output.read_text().splitlines()[-1].partition(":")
    except (OSError, IndexError):
        name, count = "", ""
    if name != "summary":
        raise Unmeasured("cachegrind wrote no total: the server did not exit in time")
    return int(count)
