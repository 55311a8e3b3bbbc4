"""How long a handler takes to write 20,000 lines: a subscriber to its telemetry may neither slow it nor lose one."""

import json
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import launching
from benchmarks.errors import Unmeasured
from benchmarks.launching import Launch, Server
from benchmarks.report import ALONE, Goal, Table
from benchmarks.rounds import interleave
from benchmarks.servers import BOOTJACK
from benchmarks.tools import Tools

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SUBJECTS = {ALONE: None, "subscriber over HTTP": "telemetry-http", "subscriber over TCP": "telemetry-tcp"}
LINES = 20_000
TIMES = 5  # invocations of a round, after the first one
LIMIT_SECONDS = 60.0
APP = """
import os, time

def handler(event, context):
    began = time.perf_counter()
    for number in range(event["lines"]):
        print(f"line {number} of an invocation that has a lot to say, as some have that nobody has ever read")
    return (time.perf_counter() - began) * 1000
"""


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    (tools.scratch / "app.py").write_text(APP)
    subjects = {name: partial(_once, tools, name, layer) for name, layer in SUBJECTS.items()}
    samples = interleave("telemetry", subjects, rounds)
    goals = {name: Goal(1.1, 1.05, ALONE) for name, layer in SUBJECTS.items() if layer}
    title = f"A handler that writes {LINES:,} lines, all of which arrive: time in the handler"
    yield Table(title, "ms", samples.figures(float), samples.missing, goals)


def _once(tools: Tools, name: str, layer: str | None) -> float:
    """The fastest of some invocations; fails if a line does not arrive, or arrives twice."""
    received = tools.scratch / "telemetry.ndjson"
    received.write_bytes(b"")
    with launching.running(Server(name.replace(" ", "-"), partial(_serve, layer=layer)), tools) as running:
        _invoke(running.port, 1)
        took = min(_timed(running.port, received if layer else None, number) for number in range(1, TIMES + 1))
    return took


def _timed(port: int, received: Path | None, number: int) -> float:
    """The time of one invocation; returns when a subscriber has received all lines of this one and those before."""
    took = _invoke(port, LINES)
    wanted, lines, deadline = number * LINES + 1, 0, time.monotonic() + LIMIT_SECONDS
    while received is not None and lines != wanted:
        lines = received.read_bytes().count(b'"line ')
        if lines > wanted or time.monotonic() > deadline:
            raise Unmeasured(f"{lines:,} lines of {wanted:,} arrived")
        time.sleep(0.1)
    return took


def _serve(tools: Tools, port: int, _runtime_port: int, layer: str | None) -> Launch:
    command = [str(BOOTJACK), "serve", "app.handler", "--sandbox", "process", "--port", str(port), "-t", "60"]
    command += ["--name", "function", "--env-var", f"TELEMETRY_FILE={tools.scratch / 'telemetry.ndjson'}"]
    command += [] if layer is None else ["--layer", str(EXAMPLES / layer)]
    return Launch(command, tools.scratch)


def _invoke(port: int, lines: int) -> float:
    url = f"http://127.0.0.1:{port}" + launching.INVOKE_PATH.format("function")
    body = json.dumps({"lines": lines}).encode()
    with urllib.request.urlopen(url, body, timeout=LIMIT_SECONDS) as answer:
        took = json.load(answer)
    if not isinstance(took, float):
        raise Unmeasured(f"the function answered {took!r}")
    return took
