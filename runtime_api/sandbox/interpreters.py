"""Finds the host's folders that a program cannot run without: its installation, and where links on the way lead."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["command_files", "interpreter_of", "needed_by", "own_installation"]

PROGRAM_FOLDERS = frozenset({"bin", "sbin", "shims", "libexec", "Scripts"})
# None of these is shown whole because a program lies in it.
TOO_WIDE = frozenset(
    map(Path, ("/", "/boot", "/dev", "/etc", "/home", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/srv"))
) | frozenset(map(Path, ("/sys", "/tmp", "/var", "/var/lib", "/var/tmp", "/Users")))
LINKS = 40  # MAXSYMLINKS of Linux
LINE_BYTES = 256  # how much of a script's first line the kernel reads (BINPRM_BUF_SIZE)


def interpreter_of(program: Path) -> Path | None:
    """The interpreter that a script's first line names; None if this is no script or cannot be read.

    As for the kernel (fs/binfmt_script.c), the line ends at a newline or a NUL.
    """
    try:
        descriptor = os.open(program, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a named pipe would block
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
    try:
        line = os.read(descriptor, LINE_BYTES).partition(b"\n")[0].partition(b"\0")[0]
    except OSError:  # a directory, or a named pipe that another process writes to
        return None
    finally:
        os.close(descriptor)
    words = line[2:].split() if line.startswith(b"#!") else []
    return Path(os.fsdecode(words[0])) if words else None


def needed_by(program: Path) -> Iterator[Path]:
    """The program and the links that lead to it, or the installations that they are part of.

    A program in a folder called bin is part of an installation, which is what that folder lies in (an interpreter
    needs its library), unless that is someone's home.
    """
    if not program.is_absolute():
        return
    for _ in range(LINKS):
        prefix = program.parent.parent
        target = _link_target(program)
        whole = program.parent.name in PROGRAM_FOLDERS and not _is_too_wide(prefix)
        if whole and (target is None or os.path.isfile(prefix / "pyvenv.cfg")):  # noqa: PTH113 - never raises
            yield prefix
            yield from _python_beyond(prefix)
        else:
            yield program
        if target is None:
            return
        program = Path(os.path.normpath(program.parent / target))


def _link_target(path: Path) -> str | None:
    """Where a symbolic link leads; None if this is none, or lies where this user may not look."""
    try:
        return os.readlink(path)  # noqa: PTH115
    except (OSError, ValueError):
        return None


def _is_too_wide(folder: Path) -> bool:
    """Whether this is a home, or holds what has nothing to do with the program."""
    return folder in TOO_WIDE or folder == _home() or folder.parent in (Path("/home"), Path("/Users"))


def _home() -> Path | None:
    """The user's home; None without HOME for a user that /etc/passwd does not list, as in many containers."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def _python_beyond(prefix: Path) -> Iterator[Path]:
    """What a virtual environment points to: the Python it was made with, and the folders that its .pth files name."""
    settings = _lines(prefix / "pyvenv.cfg")
    if not settings:
        return
    for line in settings:
        key, _, value = line.partition("=")
        if key.strip() == "home" and value.strip():
            yield Path(value.strip()).parent
    for listed in prefix.glob("lib/python3*/site-packages/*.pth"):
        yield from (Path(line) for line in _lines(listed) if line.startswith("/") and os.path.isdir(line))  # noqa: PTH112


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if "\0" not in line]


def command_files(command: tuple[str, ...]) -> Iterator[Path]:
    """The files and folders that a command's arguments name by absolute path."""
    for argument in command[1:]:
        if argument.startswith("/") and "\0" not in argument and os.path.exists(argument):  # noqa: PTH110
            path = Path(os.path.normpath(argument))
            if not _is_too_wide(path):
                yield path


def own_installation() -> tuple[Path, list[Path]]:
    """The Python that runs this, without its virtual environment, and what it needs."""
    executable = Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()
    return executable, [executable, Path(sys.base_prefix), Path(sys.base_exec_prefix)]
