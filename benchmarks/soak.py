"""`python -m benchmarks.soak [--minutes N]`: mixed load on one server; whether its memory and descriptors stay flat.

The first tenth of the time warms up. A load of all kinds: small and large events, function errors, crashes,
time-outs, Event, DryRun, log tails, bad requests, the aiohttp lane, callers that hang up, runtimes that are killed,
environments that are idle for too long.
"""

import argparse
import asyncio
import contextlib
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks import processes
from benchmarks.servers import bootjack_command

SAMPLE_S = 5.0
CALLERS = 12
ALLOWED_MB = 8.0  # what the last tenth may have on top of the second
BOOTSTRAP = Path(__file__).parents[1] / "tests" / "e2e" / "runtimes" / "raw.py"
PATH = "/2015-03-31/functions/{}/invocations"


class Sample(NamedTuple):
    """What the server takes at one moment."""

    at_s: float
    rss_mb: float
    descriptors: int
    children: int
    threads: int


class Load:
    """Callers that do all kinds of things to one server."""

    def __init__(self, port: int, server: int, dice: random.Random) -> None:
        self.port = port
        self.server = server
        self.dice = dice
        self.seen: Counter[str] = Counter()
        self.kinds: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (400, lambda: self.invoke("small", b'{"n": 1}')),
            (20, lambda: self.invoke("large", b'"%b"' % (b"x" * dice.randrange(100_000, 5_000_000)))),
            (20, lambda: self.invoke("tail", b"{}", "X-Amz-Log-Type: Tail\r\n")),
            (20, lambda: self.invoke("event", b"{}", "X-Amz-Invocation-Type: Event\r\n")),
            (10, lambda: self.invoke("dry run", b"{}", "X-Amz-Invocation-Type: DryRun\r\n")),
            (20, lambda: self.invoke("error", b'{"do": "fail", "message": "asked for"}')),
            (6, lambda: self.invoke("crash", b'{"do": "exit", "code": 3}')),
            (2, lambda: self.invoke("time-out", b'{"do": "hang"}', function="b")),
            (10, lambda: self.invoke("bad", b"{")),
            (10, lambda: self.invoke("unknown", b"{}", function="nobody")),
            (20, lambda: self.ask("health", "GET /_bootjack/health")),
            (10, lambda: self.ask("unsupported", "GET /2015-03-31/functions/")),
            (20, self.hang_up),
            (4, self.kill),
        ]

    async def go(self, until: float) -> None:
        """Do one thing after another until this time."""
        weights = [weight for weight, _ in self.kinds]
        while time.monotonic() < until:
            _, kind = self.dice.choices(self.kinds, weights)[0]
            try:
                await asyncio.wait_for(kind(), 30)
            except TimeoutError:
                self.seen["HANGS"] += 1
            except OSError as error:
                self.seen[f"OSError {error}"] += 1

    async def invoke(self, kind: str, payload: bytes, headers: str = "", function: str = "a") -> None:
        await self.ask(kind, f"POST {PATH.format(function)}", payload, headers)

    async def ask(self, kind: str, what: str, body: bytes = b"", headers: str = "") -> None:
        async with self.connected() as (reader, writer):
            writer.write(self.head(what, body, headers) + body)
            answer = await reader.read()
            self.seen[f"{kind}: {answer[9:12].decode()}"] += 1

    async def hang_up(self) -> None:
        """Ask for something, and go before the answer."""
        async with self.connected() as (_, writer):
            payload = b'{"do": "write", "text": "to nobody\\n"}'
            writer.write(self.head(f"POST {PATH.format('a')}", payload) + payload[: self.dice.randrange(40)])
            await asyncio.sleep(self.dice.random() * 0.01)
        self.seen["hung up"] += 1

    async def kill(self) -> None:
        """End an execution environment's runtime from outside."""
        runtimes = list(processes.descendants(self.server))
        if runtimes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.dice.choice(runtimes), signal.SIGKILL)
            self.seen["killed"] += 1

    def head(self, what: str, body: bytes, headers: str = "") -> bytes:
        return (
            f"{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        ).encode()

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 23)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


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
    """Load, and look; and look once more when the load is over and what is idle has ended."""
    load = Load(port, server, random.Random(seed))
    since = time.monotonic()
    until = since + minutes * 60
    callers = [asyncio.create_task(load.go(until)) for _ in range(CALLERS)]
    samples = []
    while time.monotonic() < until:
        await asyncio.sleep(min(SAMPLE_S, minutes))
        samples.append(sample(server, since))
    await asyncio.gather(*callers)
    await asyncio.sleep(6)  # for the last time-outs, then the idle ones
    return samples, sample(server, since), load.seen


def report(before: Sample, samples: list[Sample], after: Sample, seen: Counter[str]) -> bool:
    """Print what was seen; whether it is flat."""
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
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bootjack-soak-") as directory:
        bootstrap = Path(directory) / "bootstrap"
        bootstrap.write_text(f"#!{sys.executable} -IS\n{BOOTSTRAP.read_text()}")
        bootstrap.chmod(0o755)
        command = [
            bootjack_command(),
            "serve",
            "--sandbox",
            "process",
            "--port",
            "0",
            "--concurrency",
            "6",
            "--idle-timeout",
            "2",
        ]
        command += ["-t", "2", f"a={directory}", f"b={directory}"]
        log = (Path(directory) / "log").open("wb")
        with log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
            try:
                assert process.stdout is not None
                port = int(process.stdout.readline().rpartition(":")[2])
                asyncio.run(Load(port, process.pid, random.Random()).ask("first", "GET /_bootjack/health"))
                before = sample(process.pid, time.monotonic())
                samples, after, seen = asyncio.run(run(port, process.pid, given.minutes, given.seed))
                log.truncate(0)
            finally:
                process.terminate()
                code = process.wait(20)
        print(f"seed {given.seed}, {given.minutes} minutes, the server ended with {code}")
        return 0 if report(before, samples, after, seen) and code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
