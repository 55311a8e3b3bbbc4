"""Events that are kept on disk, beside synchronous invocations of the same server: their intake, and what one costs.

The intake is measured twice: while events run, and with a function that never answers, so that they only gather.
"""

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import launching, load, payloads, servers
from benchmarks.errors import Unmeasured
from benchmarks.launching import Running, Server
from benchmarks.report import MEASURED, Goal, Table
from benchmarks.rounds import interleave
from benchmarks.tools import Tools

ENVIRONMENTS = 8
CALLERS = 64
WARM_UP = 2000
REQUESTS = 20_000
SYNCHRONOUS, RUNNING = "synchronous", "while they run"
DRAIN_LIMIT_SECONDS = 120


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    payload = payloads.write(tools.scratch, "warm.json", payloads.long_string(payloads.WARM_BYTES))
    server = servers.durable("durable", ENVIRONMENTS)
    subjects = {
        SYNCHRONOUS: partial(_rate, server, tools, payload, ENVIRONMENTS, False, None),
        MEASURED: partial(_rate, server, tools, payload, CALLERS, True, servers.STUCK),
        RUNNING: partial(_rate, server, tools, payload, CALLERS, True, None),
    }
    samples = interleave("events: intake", subjects, rounds)
    goals = {MEASURED: Goal(1.5, 1.5, SYNCHRONOUS, at_least=True)}
    title = f"Events of 64 B accepted on disk, {CALLERS} callers; synchronous invocations, {ENVIRONMENTS} callers"
    yield Table(title, "1/s", samples.figures(float), samples.missing, goals, digits=0)
    costs = {
        SYNCHRONOUS: partial(_cpu, server, tools, payload, ENVIRONMENTS, False),
        MEASURED: partial(_cpu, server, tools, payload, CALLERS, True),
    }
    samples = interleave("events: CPU", costs, rounds)
    title = "Server CPU of an event, from its acceptance to its end, and of a synchronous invocation"
    yield Table(title, "µs", samples.figures(float), samples.missing, {MEASURED: Goal(1.3, 1.3, SYNCHRONOUS)})


def _rate(server: Server, tools: Tools, payload: Path, callers: int, events: bool, function: str | None) -> float:
    with launching.running(server, tools) as running:
        load.send(tools, running, payload, WARM_UP, ENVIRONMENTS)
        if function is not None:
            running = replace(running, path=launching.INVOKE_PATH.format(function))
        return load.send(tools, running, payload, REQUESTS, callers, events=events).rate


def _cpu(server: Server, tools: Tools, payload: Path, callers: int, events: bool) -> float:
    with launching.running(server, tools) as running:
        load.send(tools, running, payload, WARM_UP, ENVIRONMENTS)
        load.send(tools, running, payload, WARM_UP, callers, events=events)
        _drain(running)
        before = running.cpu_seconds()
        load.send(tools, running, payload, REQUESTS, callers, events=events)
        _drain(running)
        return (running.cpu_seconds() - before) / REQUESTS * 1e6


def _drain(running: Running) -> None:
    """Wait until no event is left."""
    deadline = time.monotonic() + DRAIN_LIMIT_SECONDS
    while _listed(running):
        if time.monotonic() > deadline:
            raise Unmeasured(f"events were left after {DRAIN_LIMIT_SECONDS} s")
        time.sleep(0.5)


def _listed(running: Running) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=DRAIN_LIMIT_SECONDS)
    connection.request("GET", "/_bootjack/events?most=1")
    found = json.loads(connection.getresponse().read())
    connection.close()
    return bool(found["events"])
