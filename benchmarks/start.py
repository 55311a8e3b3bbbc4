"""How long a person waits: `bootjack --version`, and `bootjack invoke` from nothing to the response."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.errors import Unmeasured
from benchmarks.report import Goal, Table
from benchmarks.rounds import interleave
from benchmarks.servers import bootjack_command
from benchmarks.tools import SOURCES, Tools

REPETITIONS = 10
LIMIT_SECONDS = 30
EVENT = '{"text":"Hello"}'
FLOOR = "python -c pass"
VERSION = "bootjack --version"
INVOKE_C = "bootjack invoke, C bootstrap"
INVOKE_SHELL = "bootjack invoke, shell bootstrap"


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    """Ten repetitions whatever the rounds: one takes less than a second."""
    subjects: dict[str, Callable[[], float]] = {
        FLOOR: partial(_wall_seconds, [sys.executable, "-c", "pass"], ""),
        VERSION: _version,
        INVOKE_C: partial(_invoke, tools.echo),
        INVOKE_SHELL: partial(_invoke_shell, tools),
    }
    samples = interleave("start", subjects, max(rounds, REPETITIONS))
    invoke = Goal(0.40, 0.25)
    goals = {VERSION: Goal(0.12, 0.08), INVOKE_C: invoke, INVOKE_SHELL: invoke}
    yield Table("Start: whole command", "s", samples.figures(float), samples.missing, goals, digits=3)


def _version() -> float:
    return _wall_seconds([bootjack_command(), "--version"], "bootjack")


def _invoke(bootstrap: Path) -> float:
    return _wall_seconds([bootjack_command(), "invoke", str(bootstrap), "-e", EVENT], EVENT)


def _invoke_shell(tools: Tools) -> float:
    if shutil.which("curl") is None:
        raise Unmeasured("the shell bootstrap needs curl, and there is none on PATH")
    bootstrap = tools.scratch / "echo.sh"
    shutil.copyfile(SOURCES / "echo.sh", bootstrap)
    bootstrap.chmod(0o755)
    return _invoke(bootstrap)


def _wall_seconds(command: list[str], expected: str) -> float:
    begin = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unmeasured(f"no end within {LIMIT_SECONDS} s") from error
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise Unmeasured(f"exited with {done.returncode}: {lines[-1] if lines else 'it wrote nothing'}")
    if expected not in done.stdout:
        raise Unmeasured(f"wrote {done.stdout[:200]!r}, not {expected!r}")
    return seconds
