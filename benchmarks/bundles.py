"""Layers that bootjack builds: their sizes, and the cold start of a bundled Python in an empty root."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from zipfile import ZipFile

from benchmarks import payloads
from benchmarks.errors import Unmeasured
from benchmarks.report import Goal, Table
from benchmarks.rounds import interleave
from benchmarks.servers import bootjack_command
from benchmarks.tools import Tools
from bootjack_layers.archive import extract
from tests.e2e import empty_root

BOOTSTRAP, WHOLE = "bootstrap", "bootstrap and Python"
HOST, BUNDLED = "host's Python", "bundled Python"
HANDLER = "def handler(event, context):\n    return event\n"
SCRIPT = Path(__file__).parents[1] / "bootstrap" / "bootjack_bootstrap" / "bootstrap"
COLD_ROUNDS = 30
LIMIT_SECONDS = 120


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    """Measure sizes once, since they never vary, and at least 30 pairs of cold starts."""
    archives = {BOOTSTRAP: tools.scratch / "bootstrap.zip", WHOLE: tools.scratch / "whole.zip"}
    options = {BOOTSTRAP: ["--bootstrap"], WHOLE: ["--bootstrap", "--with-python", "--bundle-libc"]}
    built = interleave("layers", {name: partial(_build, options[name], archives[name]) for name in options}, 1)
    for title, figure, goals in (
        ("Layers: zipped", _zipped, {BOOTSTRAP: Goal(60, 60), WHOLE: Goal(16_000, 16_000)}),
        ("Layers: unzipped", _unzipped, {WHOLE: Goal(42_000, 42_000)}),
    ):
        yield Table(title, "KB", built.figures(figure), built.missing, goals)
    if WHOLE in built.taken:
        yield _cold(tools, archives[WHOLE], rounds)


def _build(options: list[str], archive: Path) -> Path:
    command = [bootjack_command(), "layer", "build", *options, "-o", str(archive)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    if done.returncode != 0:
        raise Unmeasured(done.stderr.strip().splitlines()[-1])
    return archive


def _zipped(archive: Path) -> float:
    return archive.stat().st_size / 1e3


def _unzipped(archive: Path) -> float:
    with ZipFile(archive) as bundle:
        return sum(entry.file_size for entry in bundle.infolist()) / 1e3


def _cold(tools: Tools, archive: Path, rounds: int) -> Table:
    opt, task = tools.scratch / "opt", tools.scratch / "task"
    extract(archive, opt)
    task.mkdir()
    (task / "app.py").write_text(HANDLER)
    subjects: dict[str, Callable[[], float]] = {
        HOST: partial(_ready_ms, tools, _on_the_host, task),
        BUNDLED: partial(_ready_ms, tools, partial(_in_the_empty_root, opt, task), task),
    }
    samples = interleave("layers, cold", subjects, max(rounds, COLD_ROUNDS))
    goals = {BUNDLED: Goal(2, 2, ratio_to=HOST)}
    return Table("Layers: spawn to the first /next", "ms", samples.figures(float), samples.missing, goals)


def _on_the_host(_variables: dict[str, str]) -> list[str]:
    return [sys.executable, "-I", "-S", str(SCRIPT)]


def _in_the_empty_root(opt: Path, task: Path, variables: dict[str, str]) -> list[str]:
    """The command in bubblewrap, whose own start is part of the measurement."""
    if shutil.which("bwrap") is None:
        raise Unmeasured("there is no bwrap on PATH: run make tools")
    return empty_root.command(opt, task, "/opt/bootstrap", variables={**variables, "LAMBDA_TASK_ROOT": "/var/task"})


def _ready_ms(tools: Tools, command: Callable[[dict[str, str]], list[str]], task: Path) -> float:
    payload = payloads.write(tools.scratch, "event.json", b"{}")
    with subprocess.Popen(
        [str(tools.feeder), str(payload), "1", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as feeder:
        assert feeder.stdout is not None
        try:
            port = feeder.stdout.readline().strip()
            variables = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}", "_HANDLER": "app.handler"}
            variables |= {"LAMBDA_TASK_ROOT": str(task), "PATH": os.environ["PATH"]}
            started = command(variables)
            begin = time.monotonic()
            with subprocess.Popen(started, cwd=task, env=variables) as bootstrap:
                try:
                    line = feeder.stdout.readline()
                finally:
                    feeder.kill()  # first, since it prints an error when the bootstrap ends
                    bootstrap.kill()
        finally:
            feeder.kill()
    if not line:
        raise Unmeasured("the bootstrap did not call /next: see its output above")
    return (float(line) / 1e6 - begin) * 1e3
