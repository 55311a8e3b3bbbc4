"""The Lambda service: its start on a directory of many functions, its warm functions, and its management reads."""

import dataclasses
import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks import launching, load, payloads, servers, service_data
from benchmarks.alternating import alternate
from benchmarks.errors import Unmeasured
from benchmarks.launching import Launch, Running, Server
from benchmarks.report import MEASURED, Goal, Table
from benchmarks.rounds import interleave
from benchmarks.start import connected
from benchmarks.tools import Tools

MANY, LISTED = 10_000, 50
READS, WARM_UP = 300, 500
BATCHES, REQUESTS = 10, 400  # of each server, in each round
NAMED, CREATED, AMONG = "serve NAME=TARGET", "function of the service", f"the same among {MANY:,}"
EMPTY, FULL = "empty directory", f"{MANY:,} functions"
MOTO = "moto"
FIRST = service_data.name(0)
READ = {
    "GetFunctionConfiguration": f"/2015-03-31/functions/{FIRST}/configuration",
    "GetFunction": f"/2015-03-31/functions/{FIRST}",
    f"ListFunctions, {LISTED} of them": f"/2015-03-31/functions?MaxItems={LISTED}",
}
# What both servers read of a signature: the region and the service.
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/lambda/aws4_request, "
    f"SignedHeaders=host, Signature={'0' * 64}"
}


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    few, full = service_data.directory(tools, LISTED), service_data.directory(tools, MANY)
    yield _starts(tools, rounds, full)
    yield _warm(tools, rounds, few, full)
    yield from _reads(tools, rounds, few)


def _starts(tools: Tools, rounds: int, full: Path) -> Table:
    subjects = {EMPTY: partial(_start, tools, None), FULL: partial(_start, tools, full)}
    samples = interleave("service: start", subjects, rounds)
    goals = {EMPTY: Goal(0.5, 0.3), FULL: Goal(1.5, 1.0)}
    title = "Start of the service with --data: from the command to the first answer"
    return Table(title, "s", samples.figures(float), samples.missing, goals, digits=3)


def _warm(tools: Tools, rounds: int, few: Path, full: Path) -> Table:
    payload = payloads.write(tools.scratch, "warm.json", payloads.long_string(payloads.WARM_BYTES))
    named = dataclasses.replace(servers.many_functions(1)[0], name=NAMED)
    measured = [named, _service(CREATED, few), _service(AMONG, full)]

    def warm_up(running: Running) -> None:
        load.send(tools, running, payload, WARM_UP)

    def p50(running: Running) -> float:
        return load.send(tools, running, payload, REQUESTS).p50_us

    samples = alternate("service: warm", measured, tools, rounds, BATCHES, warm_up, p50)
    goals = {CREATED: Goal(1.05, 1.0, NAMED), AMONG: Goal(1.05, 1.0, CREATED)}
    return Table("Warm invocation, 64 B, one caller: p50", "µs", samples.figures(float), samples.missing, goals)


def _reads(tools: Tools, rounds: int, few: Path) -> Iterator[Table]:
    subjects: dict[str, Callable[[], dict[str, float]]] = {
        MEASURED: partial(_read_rates, _service("service-reads", few), tools),
        MOTO: partial(_read_rates, Server(MOTO, moto), tools, filled=False),
    }
    samples = interleave("service: reads", subjects, rounds)
    for operation in READ:
        goals = {MEASURED: Goal(2, 4, MOTO, at_least=True)}
        figures = samples.figures(lambda rates, operation=operation: rates[operation])  # type: ignore[misc]
        yield Table(f"{operation}, one caller", "1/s", figures, samples.missing, goals, digits=0)


def _start(tools: Tools, kept: Path | None) -> float:
    """From the start of the command to an answer; the caller connects as soon as the port is open."""
    data = tools.scratch / f"empty-{time.monotonic_ns()}" if kept is None else service_data.copy(tools, kept)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [servers.bootjack_command(), "serve", "--sandbox", "process", "--port", str(port), "--data", str(data)]
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with connected(port, process) as caller:
                _read(caller, "/2016-08-19/account-settings")
            return time.perf_counter() - begin
        finally:
            process.terminate()


def _read_rates(server: Server, tools: Tools, filled: bool = True) -> dict[str, float]:
    """How often one caller can read in a second, by operation."""
    with launching.running(server, tools) as running:
        if not filled:
            service_data.fill(f"http://127.0.0.1:{running.port}", tools, LISTED)
        caller = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
        rates = {}
        for operation, path in READ.items():
            _read(caller, path)
            begin = time.perf_counter()
            for _ in range(READS):
                _read(caller, path)
            rates[operation] = READS / (time.perf_counter() - begin)
        caller.close()
        return rates


def _read(caller: http.client.HTTPConnection, path: str) -> None:
    caller.request("GET", path, headers=SIGNED)
    answer = caller.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise Unmeasured(f"GET {path}: {answer.status} {body[:200]!r}")


def _service(name: str, kept: Path) -> Server:
    """`bootjack serve` on a copy of a directory."""

    def launch(tools: Tools, port: int, _runtime_port: int) -> Launch:
        command = [servers.bootjack_command(), "serve", "--sandbox", "process", "--concurrency", "1"]
        command += ["--port", str(port), "--data", str(service_data.copy(tools, kept))]
        return Launch(command, tools.scratch, FIRST)

    return Server(name, launch)


def moto(tools: Tools, port: int, _runtime_port: int) -> Launch:
    """Start moto's server."""
    return Launch([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], tools.scratch)
