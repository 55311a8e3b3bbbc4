"""Disk space that `pip install .` adds to an empty virtual environment."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.errors import Unmeasured
from benchmarks.report import MEASURED, Goal, Table
from benchmarks.rounds import interleave
from benchmarks.tools import Tools

PROJECT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 600
BLOCK_BYTES = 512


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    """Measure once, since every round would give the same."""
    samples = interleave("size", {MEASURED: lambda: _added_megabytes(tools.scratch / "empty")}, 1)
    goals = {MEASURED: Goal(55, 45)}
    yield Table("`pip install .` in an empty environment adds", "MB", samples.figures(float), samples.missing, goals)


def _added_megabytes(environment: Path) -> float:
    _run([sys.executable, "-m", "venv", str(environment)])
    before = _disk_bytes(environment)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, str(PROJECT)])
    return (_disk_bytes(environment) - before) / 1e6


def _disk_bytes(environment: Path) -> int:
    """The size of the packages in disk blocks, as `du` counts it."""
    folders = {found.resolve() for found in environment.glob("lib*/python*/site-packages")}  # lib64 may be lib
    paths = (path for folder in folders for path in folder.rglob("*"))
    return sum(path.lstat().st_blocks * BLOCK_BYTES for path in paths)


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise Unmeasured(f"`{' '.join(command)}` took more than {LIMIT_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines()
        raise Unmeasured(f"`{' '.join(command)}`: {lines[-1] if lines else 'failed'}") from error
