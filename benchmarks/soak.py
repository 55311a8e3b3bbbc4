"""Run a mixed load on one server, and check that its memory and descriptors stay flat.

The load has small and large events, function errors, crashes, timeouts, Event, DryRun, log tails, bad requests, other
operations, callers that hang up, killed runtimes, and environments that reach the idle timeout. The first tenth of
the time is the warm-up.
"""

import argparse
import asyncio
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from benchmarks import processes
from benchmarks.servers import bootjack_command
from benchmarks.soak_load import Load

SAMPLE_S = 5.0
CALLERS = 12
ALLOWED_MB = 8.0  # growth of the memory from the second to the last tenth of the time
STOP_LIMIT_S = 20
SETTLE_S = 6.0  # longer than the timeout and the idle timeout of the functions together
BOOTSTRAP = Path(__file__).parents[1] / "tests" / "e2e" / "runtimes" / "raw.py"


class Sample(NamedTuple):
    """The resources that the server uses at one moment."""

    at_s: float
    rss_mb: float
    descriptors: int
    children: int
    threads: int


def sample(server: int, since: float) -> Sample:
    status = Path(f"/proc/{server}/status").read_text()
    return Sample(
        time.monotonic() - since,
        int(re.findall(r"VmRSS:\s*(\d+)", status)[0]) / 1024,
        len(list(Path(f"/proc/{server}/fd").iterdir())),
        len(list(processes.descendants(server))),
        int(re.findall(r"Threads:\s*(\d+)", status)[0]),
    )


async def run(port: int, server: int, minutes: float, seed: int) -> tuple[list[Sample], Sample, Counter[str]]:
    """Run the load and take samples; take a last one when all environments have reached their idle timeout."""
    load = Load(port, server, random.Random(seed))
    since = time.monotonic()
    until = since + minutes * 60
    callers = [asyncio.create_task(load.send_until(until)) for _ in range(CALLERS)]
    samples = []
    while time.monotonic() < until:
        await asyncio.sleep(min(SAMPLE_S, minutes))
        samples.append(sample(server, since))
    await asyncio.gather(*callers)
    await asyncio.sleep(SETTLE_S)
    return samples, sample(server, since), load.seen


def report(before: Sample, samples: list[Sample], after: Sample, seen: Counter[str]) -> bool:
    """Print the samples and the outcomes; return whether the server passed."""
    tenth = max(1, len(samples) // 10)
    early, late = samples[tenth : 2 * tenth] or samples, samples[-tenth:]
    print(f"{'':24}{'RSS MB':>10}{'descriptors':>13}{'children':>10}{'threads':>9}")
    rows = {"before the load": [before], "second tenth": early, "last tenth": late, "when all is idle": [after]}
    for name, group in rows.items():
        figures = [statistics.median(column) for column in list(zip(*group, strict=True))[1:]]
        print(f"{name:24}{figures[0]:10.1f}{figures[1]:13.0f}{figures[2]:10.0f}{figures[3]:9.0f}")
    for kind, times in sorted(seen.items()):
        print(f"{times:9} {kind}")
    grown = statistics.median(each.rss_mb for each in late) - statistics.median(each.rss_mb for each in early)
    flat = grown <= ALLOWED_MB and after.descriptors <= before.descriptors and after.children == 0
    print(f"{'flat' if flat and not seen['HANGS'] else 'NOT FLAT'}: memory {grown:+.1f} MB over the load")
    return flat and not seen["HANGS"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="duration of the load (default: 10)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="random seed (default: 1)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bootjack-soak-") as directory:
        command = _command(Path(directory))
        log = (Path(directory) / "log").open("wb")
        with log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
            try:
                assert process.stdout is not None
                port = int(process.stdout.readline().rpartition(":")[2])
                asyncio.run(Load(port, process.pid, random.Random()).request("first", "GET /_bootjack/health"))
                before = sample(process.pid, time.monotonic())
                samples, after, seen = asyncio.run(run(port, process.pid, given.minutes, given.seed))
                log.truncate(0)
            finally:
                process.terminate()
                code = process.wait(STOP_LIMIT_S)
        print(f"seed {given.seed}, {given.minutes} minutes, the server exited with {code}")
        return 0 if report(before, samples, after, seen) and code == 0 else 1


def _command(directory: Path) -> list[str]:
    """The server, with two functions that run the same bootstrap from this directory."""
    bootstrap = directory / "bootstrap"
    bootstrap.write_text(f"#!{sys.executable} -IS\n{BOOTSTRAP.read_text()}")
    bootstrap.chmod(0o755)
    command = [bootjack_command(), "serve", "--sandbox", "process", "--port", "0"]
    command += ["--concurrency", "6", "--idle-timeout", "2", "-t", "2"]
    return [*command, f"a={directory}", f"b={directory}"]


if __name__ == "__main__":
    sys.exit(main())
