"""Packing 10,000 files, compared with `zip -9`; then the layers that bootjack builds."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import bundles
from benchmarks.errors import Unmeasured
from benchmarks.report import MEASURED, Goal, Table
from benchmarks.rounds import interleave
from benchmarks.tools import Tools
from bootjack_layers.entries import entries_of
from bootjack_layers.pack import pack

FILES = 10_000
FOLDER_FILES = 100
LIMIT_SECONDS = 120
ZIP = "zip -9"


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    """Pack copies of the sources of Python's standard library."""
    root = _filled(tools.scratch / "many")
    subjects = {MEASURED: partial(_pack, root, tools.scratch), ZIP: partial(_zip, root, tools.scratch)}
    samples = interleave("layers", subjects, rounds)
    goals = {MEASURED: Goal(1, 1, ratio_to=ZIP)}
    yield Table("Packing 10,000 files", "s", samples.figures(float), samples.missing, goals, digits=2)
    yield from bundles.measure(tools, rounds)


def _filled(root: Path) -> Path:
    sources = [path for path in Path(shutil.__file__).parent.glob("*.py") if path.stat().st_size]
    for number in range(FILES):
        folder = root / str(number // FOLDER_FILES)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sources[number % len(sources)], folder / f"{number}.py")
    return root


def _pack(root: Path, scratch: Path) -> float:
    begin = time.perf_counter()
    pack(entries_of(root), scratch / "ours.zip")
    return time.perf_counter() - begin


def _zip(root: Path, scratch: Path) -> float:
    program = shutil.which("zip")
    if program is None:
        raise Unmeasured("there is no zip on PATH")
    (scratch / "theirs.zip").unlink(missing_ok=True)
    begin = time.perf_counter()
    command = [program, "-9", "-q", "-r", "-X", str(scratch / "theirs.zip"), "."]
    subprocess.run(command, cwd=root, check=True, timeout=LIMIT_SECONDS)
    return time.perf_counter() - begin
