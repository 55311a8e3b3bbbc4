"""What to do about a bootstrap that could not be started: the operating system's word for it seldom says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.sandbox.entrypoint import BOOTSTRAP, find_bootstrap

if TYPE_CHECKING:
    from runtime_api.sandbox.entrypoint import Program

__all__ = ["advice"]

ELF = b"\x7fELF"
LOOKED_AT = 256  # bytes of a file's first line


def advice(program: Program) -> str | None:
    """One sentence for the user, after a look at the file; None when there is nothing to be seen."""
    if program.command:
        return None
    bootstrap = find_bootstrap(program.places)
    if bootstrap is None:
        return _misplaced(program.task_root)
    if not os.access(bootstrap, os.X_OK):
        return f"{bootstrap} is not executable: chmod +x it (for an archive: before you zip it)"
    with bootstrap.open("rb") as file:
        start = file.read(LOOKED_AT)
    return _first_line(bootstrap, start)


def _misplaced(task_root: Path) -> str | None:
    """A package that was made of the folder, not of what is in it."""
    for found in sorted(task_root.glob(f"*/{BOOTSTRAP}")):
        return f"there is a bootstrap at {found.relative_to(task_root)}; it belongs at the top"
    return None


def _first_line(bootstrap: Path, start: bytes) -> str | None:
    if not start:
        return f"{bootstrap} is empty"
    if start.startswith(ELF):
        return (
            f"{bootstrap} may be built for another machine, or need a loader that is not here: see `file` and `ldd`"
        )
    if not start.startswith(b"#!"):
        return f"{bootstrap} is neither a program nor a script: a script begins with #! and its interpreter"
    line = start[2:].partition(b"\n")[0]
    if line.endswith(b"\r"):
        return f"{bootstrap} has CRLF line ends, which its interpreter's name ends with: make them LF"
    interpreter = os.fsdecode(line.split()[0]) if line.split() else ""
    if not Path(interpreter).exists():
        return f"{bootstrap} asks for {interpreter or 'no interpreter'}, which is not there"
    return None
