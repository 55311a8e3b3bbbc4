"""Finds this machine's interpreters of a language, and tries them: one that is on the PATH may not work.

pyenv, for example, puts a program for every Python that it knows on the PATH; those of versions that are not selected
only say so.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from .processes.reaping import kill_group, when_ended

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Interpreter", "find_node", "find_python", "numbers"]

OLDEST_PYTHON = (3, 9)  # for our bootstrap
TRY_S = 10.0
OUTPUT_BYTES = 4096
ASK_PYTHON = "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.executable)"
ASK_NODE = "console.log(process.versions.node + '\\n' + process.execPath)"
_tried: dict[str, Interpreter | None] = {}


class Interpreter(NamedTuple):
    """An interpreter that works."""

    version: str  # major.minor.patch
    path: str  # of the program itself, not of a script that looks for it


async def find_python(wanted: tuple[int, ...]) -> Interpreter:
    """Return this machine's Python of a version (major, minor); if there is none, that of the nearest one."""
    own = Interpreter(".".join(map(str, sys.version_info[:3])), sys.executable)
    found = {sys.version_info[1]: list[str]()} | _pythons()
    # Of two that are as near, the newer one: it understands what was written for the older.
    for number in sorted(found, key=lambda number: (abs(number - wanted[1]), -number)):
        for path in found[number]:
            interpreter = await _try(path, "-c", ASK_PYTHON)
            if interpreter is not None and numbers(interpreter.version)[:2] == (3, number):
                return interpreter
        if number == sys.version_info[1]:
            return own
    return own


async def find_node() -> Interpreter | None:
    """Return the Node.js on the PATH; None if there is none that works."""
    for folder in _path():
        path = folder / "node"
        if os.access(path, os.X_OK) and (interpreter := await _try(str(path), "-e", ASK_NODE)):
            return interpreter
    return None


def numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers, which can be compared."""
    return tuple(map(int, re.findall(r"\d+", version)))


def _pythons() -> dict[int, list[str]]:
    """The programs called python3.N, by N, in the order of the PATH; those that pyenv hides come last."""
    found: dict[int, list[str]] = {}
    hidden: dict[int, list[str]] = {}
    for folder in _path():
        for path in sorted(folder.glob("python3.*")):
            named = re.fullmatch(r"python3\.(\d+)", path.name)
            if named is None or (3, int(named[1])) < OLDEST_PYTHON or not os.access(path, os.X_OK):
                continue
            number = int(named[1])
            found.setdefault(number, []).append(str(path))
            if folder.name == "shims":
                versions = sorted(folder.parent.glob(f"versions/3.{number}.*/bin/{path.name}"))
                hidden.setdefault(number, []).extend(map(str, reversed(versions)))
    return {number: paths + hidden.get(number, []) for number, paths in found.items()}


def _path() -> list[Path]:
    return [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]


async def _try(path: str, *question: str) -> Interpreter | None:
    """Ask a program for its version and its true path; None if it does not answer. Each is asked once."""
    if path not in _tried:
        lines = (await _output([path, *question])).splitlines()
        answered = len(lines) == 2 and re.fullmatch(r"\d+\.\d+\.\d+\S*", lines[0]) and os.path.isabs(lines[1])  # noqa: PTH117
        _tried[path] = Interpreter(lines[0], lines[1]) if answered else None
    return _tried[path]


async def _output(command: Sequence[str]) -> str:
    """Run a program that takes a moment; what it writes to stdout, empty if it fails."""
    import tempfile  # slow to import, and most functions need no other interpreter

    with tempfile.TemporaryFile() as output:
        try:
            process = _start(command, output)
        except OSError:  # no such program, or not for this machine
            return ""
        ended = asyncio.Event()
        when_ended(process, lambda _status, _maxrss: ended.set())
        try:
            async with asyncio.timeout(TRY_S):
                await ended.wait()
        except TimeoutError:
            return ""
        finally:
            if not ended.is_set():
                kill_group(process.pid)
                await ended.wait()
        output.seek(0)
        return output.read(OUTPUT_BYTES).decode(errors="replace") if process.returncode == 0 else ""


def _start(command: Sequence[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=nothing, stdout=output, stderr=nothing, start_new_session=True)
