"""Finds what a script runs on, and the Python that runs this."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

from .following import Ground
from .languages import installation_at, is_too_wide
from .reading import read_start

__all__ = ["interpreter_of", "own_installation"]

LINE_BYTES = 256  # how much of a script's first line the kernel reads (BINPRM_BUF_SIZE)


def interpreter_of(program: Path) -> Path | None:
    """The interpreter that a script's first line names; None if this is no script or cannot be read.

    As for the kernel (fs/binfmt_script.c), the line ends at a newline or a NUL, and the name at a space or a tab.
    """
    line = read_start(os.fspath(program), LINE_BYTES).partition(b"\n")[0].partition(b"\0")[0]
    name = line[2:].replace(b"\t", b" ").strip(b" ").partition(b" ")[0] if line.startswith(b"#!") else b""
    return Path(os.fsdecode(name)) if name else None


@cache
def own_installation() -> tuple[Path, tuple[Path, ...]]:
    """The Python that runs this, without its virtual environment, and what it needs."""
    executable = os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
    needed = [executable]
    for prefix in {os.path.realpath(prefix) for prefix in (sys.base_prefix, sys.base_exec_prefix)}:
        found = installation_at(prefix, Ground(()))
        needed += found.parts if found else [prefix] if not is_too_wide(prefix) else []
    return Path(executable), tuple(map(Path, needed))
