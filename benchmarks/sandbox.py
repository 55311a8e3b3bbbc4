"""The cost of isolation: cold starts, back-to-back invocations with and without freezing, idle environments."""

import asyncio
import contextlib
import gc
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

import uvloop

from benchmarks import launching, load, payloads, servers
from benchmarks.launching import Server
from benchmarks.report import Goal, Table
from benchmarks.rounds import interleave
from benchmarks.tools import Tools
from runtime_api.local import LocalFunction, LocalLambda
from runtime_api.sandbox.entrypoint import Program
from runtime_api.service.records import FunctionSpec

COLD_STARTS = 20  # the median of these is one sample
WARM_UP = 1000
REQUESTS = 8000
IDLE_ENVIRONMENTS = 100
FIRST_ENVIRONMENTS = 20  # started first, so that one-time allocations do not count
PLAIN, BUBBLEWRAP, ABOVE = "plain process", "bubblewrap", "bubblewrap, above the plain process"
FREEZING, NOT_FREEZING = "bubblewrap, freezing", "bubblewrap, --no-freeze"


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    yield _idle(tools, rounds)  # first, since memory that other measurements free would be reused and not counted
    yield _cold(tools, rounds)
    yield _warm(tools, rounds)


def _cold(tools: Tools, rounds: int) -> Table:
    subjects = {PLAIN: partial(_cold_ms, tools, "process"), BUBBLEWRAP: partial(_cold_ms, tools, "bubblewrap")}
    samples = interleave("sandbox, cold", subjects, rounds)
    figures = samples.figures(float)
    if not samples.missing:
        pairs = zip(figures[BUBBLEWRAP], figures[PLAIN], strict=True)
        figures[ABOVE] = [isolated - plain for isolated, plain in pairs]
    title = "Cold start of an environment with the C bootstrap, to its first response"
    return Table(title, "ms", figures, samples.missing, {ABOVE: Goal(25, 15)})


def _cold_ms(tools: Tools, sandbox: str) -> float:
    return uvloop.run(_first_responses(tools, sandbox))


async def _first_responses(tools: Tools, sandbox: str) -> float:
    """The median of several cold starts in milliseconds, each of a new function."""
    taken = []
    with _silence() as log:
        async with LocalLambda(log, sandbox=sandbox) as local:
            for number in range(COLD_STARTS):
                local.add_function(_function(tools, f"cold{number}"))
                began = time.perf_counter()
                await local.invoke(f"cold{number}", b"{}")
                taken.append((time.perf_counter() - began) * 1000)
    return median(taken)


def _warm(tools: Tools, rounds: int) -> Table:
    payload = payloads.write(tools.scratch, "sandbox.json", payloads.long_string(payloads.WARM_BYTES))
    kinds = {PLAIN: ("process",), FREEZING: ("bubblewrap",), NOT_FREEZING: ("bubblewrap", "--no-freeze")}
    subjects = {
        name: partial(_warm_us, servers.isolated(name, *flags), tools, payload) for name, flags in kinds.items()
    }
    samples = interleave("sandbox, warm", subjects, rounds)
    goals = {FREEZING: Goal(1.05, 1.02, NOT_FREEZING)}
    title = "Warm invocation, 64 B, one caller, back to back: p50"
    return Table(title, "µs", samples.figures(float), samples.missing, goals)


def _warm_us(server: Server, tools: Tools, payload: Path) -> float:
    with launching.running(server, tools) as running:
        load.send(tools, running, payload, WARM_UP)
        return load.send(tools, running, payload, REQUESTS).p50_us


def _idle(tools: Tools, rounds: int) -> Table:
    subjects = {kind: partial(_idle_kb, tools, kind) for kind in ("process", "bubblewrap")}
    samples = interleave("sandbox, idle", subjects, rounds)
    title = f"Memory of the server for each of {IDLE_ENVIRONMENTS} warm idle environments"
    return Table(title, "KB", samples.figures(float), samples.missing, {"bubblewrap": Goal(100, 60)})


def _idle_kb(tools: Tools, sandbox: str) -> float:
    """Measure the growth in a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writer, str(uvloop.run(_growth_kb(tools, sandbox))).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        growth = answer.read()
    os.waitpid(child, 0)
    return float(growth)


async def _growth_kb(tools: Tools, sandbox: str) -> float:
    total = FIRST_ENVIRONMENTS + IDLE_ENVIRONMENTS
    with _silence() as log:
        async with LocalLambda(log, sandbox=sandbox) as local:
            local.add_function(_function(tools, "idle", total))
            await _open(local, FIRST_ENVIRONMENTS)
            before = _resident_kb()
            await _open(local, IDLE_ENVIRONMENTS)
            return (_resident_kb() - before) / IDLE_ENVIRONMENTS


async def _open(local: LocalLambda, environments: int) -> None:
    """Start environments, and wait until they have been idle for a second."""
    for _ in range(environments):
        await local.open_environment("idle")
    await asyncio.sleep(1)
    gc.collect()


def _function(tools: Tools, name: str, concurrency: int = 1) -> LocalFunction:
    program = Program(tools.echo.parent, places=(tools.echo,))
    return LocalFunction(FunctionSpec(name), program, concurrency=concurrency)


def _resident_kb() -> int:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


@contextlib.contextmanager
def _silence() -> Iterator[int]:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
