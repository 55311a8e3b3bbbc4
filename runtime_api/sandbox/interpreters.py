"""Which folders of the host a program cannot do without: its own installation, and what links on the way lead to."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["command_files", "interpreter_of", "needed_by", "own_installation"]

PROGRAM_FOLDERS = frozenset({"bin", "sbin", "shims", "libexec", "Scripts"})
# No function is given one of these whole because a program lies in it.
TOO_WIDE = frozenset(
    map(Path, ("/", "/boot", "/dev", "/etc", "/home", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/srv"))
) | frozenset(map(Path, ("/sys", "/tmp", "/var", "/var/lib", "/var/tmp", "/Users")))
LINKS = 40  # MAXSYMLINKS of Linux
LINE_BYTES = 256  # what the kernel reads of a script's first line


def interpreter_of(program: Path) -> Path | None:
    """The interpreter that a script's first line names; None when it is no script, or cannot be read."""
    try:
        with program.open("rb") as file:
            line = file.read(LINE_BYTES).partition(b"\n")[0]
    except OSError:
        return None
    words = line[2:].split() if line.startswith(b"#!") else []
    return Path(os.fsdecode(words[0])) if words else None


def needed_by(program: Path) -> Iterator[Path]:
    """The program and the links that lead to it, or the installations that they are part of.

    A program in a folder called bin is part of an installation, which is what that folder lies in (an interpreter
    needs its library), unless that is somebody's home.
    """
    if not program.is_absolute():
        return
    for _ in range(LINKS):
        prefix = program.parent.parent
        whole = program.parent.name in PROGRAM_FOLDERS and not _is_too_wide(prefix)
        if whole and (not program.is_symlink() or (prefix / "pyvenv.cfg").is_file()):
            yield prefix
            yield from _python_beyond(prefix)
        else:
            yield program
        if not program.is_symlink():
            return
        program = Path(os.path.normpath(program.parent / program.readlink()))


def _is_too_wide(folder: Path) -> bool:
    """Whether this is a home, or holds what has nothing to do with the program."""
    return folder in TOO_WIDE or folder == Path.home() or folder.parent in (Path("/home"), Path("/Users"))


def _python_beyond(prefix: Path) -> Iterator[Path]:
    """What a virtual environment points to: the Python it was made with, and folders that its .pth files name."""
    try:
        settings = (prefix / "pyvenv.cfg").read_text(errors="replace")
    except OSError:
        return
    for line in settings.splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home" and value.strip():
            yield Path(value.strip()).parent
    for listed in prefix.glob("lib/python3*/site-packages/*.pth"):
        for line in listed.read_text(errors="replace").splitlines():
            if line.startswith("/") and Path(line).is_dir():
                yield Path(line)


def command_files(command: tuple[str, ...]) -> Iterator[Path]:
    """The files and folders that a command's arguments name by absolute path."""
    for argument in command[1:]:
        if argument.startswith("/") and "\0" not in argument and os.path.exists(argument):  # noqa: PTH110
            path = Path(os.path.normpath(argument))
            if not _is_too_wide(path):
                yield path


def own_installation() -> tuple[Path, list[Path]]:
    """The Python that this is, without its virtual environment, and what it needs."""
    executable = Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()
    return executable, [executable, Path(sys.base_prefix), Path(sys.base_exec_prefix)]
