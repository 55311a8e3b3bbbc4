"""Wall time of commands: `bootjack --version`, and `invoke` and `serve` from process start to the first response."""

import contextlib
import http.client
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.errors import Unmeasured
from benchmarks.launching import INVOKE_PATH
from benchmarks.report import Goal, Table
from benchmarks.rounds import interleave
from benchmarks.servers import bootjack_command
from benchmarks.tools import SOURCES, Tools

REPETITIONS = 10
LIMIT_SECONDS = 30
EVENT = '{"text":"Hello"}'
BASELINE = "python -c pass"
VERSION = "bootjack --version"
INVOKE_C = "bootjack invoke, C bootstrap"
INVOKE_SHELL = "bootjack invoke, shell bootstrap"
SERVE = "bootjack serve, C bootstrap, to the first response"


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    """Measure at least ten rounds, since one takes less than a second."""
    subjects: dict[str, Callable[[], float]] = {
        BASELINE: partial(_wall_seconds, [sys.executable, "-c", "pass"], ""),
        VERSION: _version,
        INVOKE_C: partial(_invoke, tools.echo),
        INVOKE_SHELL: partial(_invoke_shell, tools),
        SERVE: partial(_serve, tools),
    }
    samples = interleave("start", subjects, max(rounds, REPETITIONS))
    invoke = Goal(0.40, 0.25)
    goals = {VERSION: Goal(0.12, 0.08), INVOKE_C: invoke, INVOKE_SHELL: invoke, SERVE: Goal(0.5, 0.3)}
    yield Table("Start: whole command", "s", samples.figures(float), samples.missing, goals, digits=3)


def _version() -> float:
    return _wall_seconds([bootjack_command(), "--version"], "bootjack")


def _invoke(bootstrap: Path) -> float:
    return _wall_seconds([bootjack_command(), "invoke", "--sandbox", "process", str(bootstrap), "-e", EVENT], EVENT)


def _invoke_shell(tools: Tools) -> float:
    if shutil.which("curl") is None:
        raise Unmeasured("the shell bootstrap needs curl, and there is none on PATH")
    bootstrap = tools.scratch / "echo.sh"
    shutil.copyfile(SOURCES / "echo.sh", bootstrap)
    bootstrap.chmod(0o755)
    return _invoke(bootstrap)


def _serve(tools: Tools) -> float:
    """From the start of the command to the first response; the caller connects as soon as the port is open."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    begin = time.perf_counter()
    command = [bootjack_command(), "serve", "--sandbox", "process", "--port", str(port), str(tools.echo)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with connected(port, process) as caller:
                caller.request("POST", INVOKE_PATH.format("function"), EVENT)
                answer = caller.getresponse().read()
            seconds = time.perf_counter() - begin
        finally:
            process.terminate()
    if answer != EVENT.encode():
        raise Unmeasured(f"the response was {answer!r}")
    return seconds


def connected(port: int, process: subprocess.Popen[bytes]) -> contextlib.closing[http.client.HTTPConnection]:
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_SECONDS)
    while process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError):
            caller.connect()
            return contextlib.closing(caller)
        time.sleep(0.001)
    raise Unmeasured(f"exited with {process.returncode}")


def _wall_seconds(command: list[str], expected: str) -> float:
    begin = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unmeasured(f"did not finish within {LIMIT_SECONDS} s") from error
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise Unmeasured(f"exited with {done.returncode}: {lines[-1] if lines else 'no output'}")
    if expected not in done.stdout:
        raise Unmeasured(f"wrote {done.stdout[:200]!r}, not {expected!r}")
    return seconds
