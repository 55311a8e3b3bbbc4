"""What to do about a bootstrap that cannot be started; the operating system's error seldom says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.sandbox.entrypoint import BOOTSTRAP, find_bootstrap

if TYPE_CHECKING:
    from runtime_api.sandbox.entrypoint import Program

__all__ = ["advice"]

ELF = b"\x7fELF"
HEAD_BYTES = 256  # of a file, in which its first line ends


def advice(program: Program) -> str | None:
    """Look at the bootstrap's file, and say in one sentence what to do; None when nothing is wrong with it."""
    if program.command:
        return None
    bootstrap = find_bootstrap(program.places)
    if bootstrap is None:
        return _misplaced(program.task_root) or _missing(program.places)
    if not os.access(bootstrap, os.X_OK):
        return f"{bootstrap} is not executable; run chmod +x on it (before you zip it, for an archive)"
    with bootstrap.open("rb") as file:
        start = file.read(HEAD_BYTES)
    return _first_line(bootstrap, start)


def _misplaced(task_root: Path) -> str | None:
    """Find a bootstrap one level down: the package was made of the directory, not of its contents."""
    for found in sorted(task_root.glob(f"*/{BOOTSTRAP}")):
        return f"there is a bootstrap at {found.relative_to(task_root)}; move it to the top"
    return None


def _missing(places: tuple[Path, ...]) -> str:
    directories = " or ".join(str(place.parent) for place in places)
    return f"there is no bootstrap in {directories}; put an executable file of that name there"


def _first_line(bootstrap: Path, start: bytes) -> str | None:
    if not start:
        return f"{bootstrap} is empty; write a program or script to it"
    if start.startswith(ELF):
        return (
            f"{bootstrap} may be built for another architecture, or need a loader that is not installed; check it "
            "with `file` and `ldd`"
        )
    if not start.startswith(b"#!"):
        return f"{bootstrap} is neither a program nor a script; begin a script with #! and its interpreter"
    line = start[2:].partition(b"\n")[0]
    if b"\0" in line:
        return f"{bootstrap} has a NUL in its first line, where the kernel stops reading; write it as plain text"
    if line.endswith(b"\r"):
        return f"{bootstrap} has CRLF line endings, which become part of its interpreter's name; convert them to LF"
    if not line.split():
        return f"{bootstrap} names no interpreter after #!"
    interpreter = os.fsdecode(line.split()[0])
    if not Path(interpreter).exists():
        return f"{bootstrap} names the interpreter {interpreter!r}, which does not exist; install it or name another"
    return None
