"""What to do about a bootstrap that cannot be started; the operating system's error seldom says.

Everything here is certain from the files alone, so `serve` can say it before anything has failed.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.sandbox.entrypoint import BOOTSTRAP, find_bootstrap
from runtime_api.sandbox.view.elf import read_elf

from .file_kinds import ZIP, archive_kind, kind_of
from .python_handlers import handler_in, handler_near

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.sandbox.entrypoint import Program

    from .sources import Source

__all__ = ["advice", "archives_of"]

HEAD_BYTES = 512  # of a file, in which its first line ends
ELF = b"\x7fELF"
EMULATORS = Path("/proc/sys/fs/binfmt_misc")  # the kernel runs programs of other machines with these
OWN_FILES = {"register", "status"}
ALSO_RUN = {"x86_64": "i686", "aarch64": "armv7l"}


def advice(
    program: Program, archives: Mapping[Path, Path] | None = None, run_handler: str = "add --handler {}"
) -> str | None:
    """Look at the bootstrap's file, and say in one sentence what to do; None when nothing is wrong with it.

    `archives` maps what is unpacked to the archive that it comes from, which the sentence then names; `run_handler`
    says how this command runs a Python handler.
    """
    if program.command:
        return None
    shown = _Shown(archives or {})
    bootstrap = find_bootstrap(program.places)
    if bootstrap is None:
        return (
            _no_file(program.places, shown)
            or _hollow(program, shown)
            or _misplaced(program.task_root, shown)
            or _missing(program, shown, run_handler)
        )
    name = shown.file(bootstrap)
    with bootstrap.open("rb") as file:
        start = file.read(HEAD_BYTES)
    if bootstrap.suffix == ".py" and not start.startswith(b"#!"):
        return _module(bootstrap, name)
    wrong = _compiled(bootstrap, name) if start.startswith(ELF) else _archive(name, start) or _first_line(name, start)
    if wrong is None and not os.access(bootstrap, os.X_OK):
        return f"{name} is not executable; run chmod +x on it (before you zip it, for an archive)"
    return wrong


def archives_of(source: Source, program: Program) -> dict[Path, Path]:
    """Tell which of the program's directories are unpacked archives, and of which."""
    code = Path(source.target or ".")
    found = dict(zip(program.layers, source.layers, strict=False))
    if not source.command:
        found[program.task_root] = code
    return {tree: archive for tree, archive in found.items() if archive.suffix.lower() == ".zip"}


class _Shown:
    """Names files for the user, who knows archives but not where they are unpacked."""

    def __init__(self, archives: Mapping[Path, Path]) -> None:
        self._archives = archives

    def file(self, path: Path) -> str:
        for tree, archive in self._archives.items():
            if path.is_relative_to(tree):
                return f"{path.relative_to(tree)} in {archive}"
        return str(path)

    def directory(self, path: Path) -> str:
        return str(self._archives.get(path, path))


def _misplaced(task_root: Path, shown: _Shown) -> str | None:
    """Find a bootstrap one level down: the package was made of the directory, not of its contents."""
    for found in sorted(task_root.glob(f"*/{BOOTSTRAP}")):
        where = f"{found.relative_to(task_root)} in {shown.directory(task_root)}"
        return f"there is a bootstrap at {where}; move it to the top"
    return None


def _no_file(places: tuple[Path, ...], shown: _Shown) -> str | None:
    """Find something else that has a bootstrap's name."""
    for place in places:
        if place.is_symlink() and not place.exists():
            return f"{shown.file(place)} is a link to {place.readlink()}, which is not there; link to a program"
        if place.exists():
            return f"{shown.file(place)} is {kind_of(place.stat().st_mode)}; put an executable file in its place"
    return None


def _hollow(program: Program, shown: _Shown) -> str | None:
    """Find an archive that holds nothing, or nothing but another one."""
    archive = shown.directory(program.task_root)
    if archive == str(program.task_root):
        return None
    match sorted(program.task_root.iterdir()):
        case []:
            return f"{archive} is an empty archive; zip the files that are to run, with the bootstrap at the top"
        case [Path(suffix=".zip") as inner]:
            return f"{archive} holds nothing but {inner.name}; give that one as TARGET"
    return None


def _missing(program: Program, shown: _Shown, run_handler: str) -> str:
    directories = " or ".join(shown.directory(place.parent) for place in program.places)
    nothing = f"there is no bootstrap in {directories}"
    handler = handler_near(program.task_root)
    if handler is None:
        return f"{nothing}; put an executable file of that name there"
    how = run_handler.format(handler.target)
    return f"{nothing}, but {handler.file.name} has a Python handler: to run it, {how}"


def _module(file: Path, name: str) -> str:
    handler = handler_in(file)
    if handler is None:
        return f"{name} is a Python module in which no function takes an event and a context; write a handler"
    return (
        f"{name} is a Python module, not a bootstrap; to run its handler, give the directory {file.parent} as TARGET "
        f"and --handler {handler.target}"
    )


def _compiled(bootstrap: Path, name: str) -> str | None:
    program = read_elf(str(bootstrap))
    if program is None:
        return f"{name} begins as a compiled program does, and is damaged or no program; build or copy it again"
    here = platform.machine()
    if program.machine not in (here, ALSO_RUN.get(here)) and not _emulates():
        return f"{name} is built for {program.machine}, and this machine is {here}; build it for {here}"
    if program.loader and not Path(program.loader).exists():
        return (
            f"{name} needs the loader {program.loader}, which is not installed here; install it, or link statically"
        )
    return None


def _archive(name: str, start: bytes) -> str | None:
    kind = archive_kind(start)
    if kind is None or _emulates():  # which may run archives, too
        return None
    if kind == ZIP:
        return f"{name} is a .zip archive; give it a name that ends in .zip"
    return f"{name} is a {kind} archive, and Lambda takes .zip archives; unpack it and give its directory as TARGET"


def _emulates() -> bool:
    try:
        return any(entry not in OWN_FILES for entry in os.listdir(EMULATORS))  # noqa: PTH208
    except OSError:
        return False


def _first_line(name: str, start: bytes) -> str | None:
    if not start:
        return f"{name} is empty; write a program or script to it"
    if not start.startswith(b"#!"):
        return f"{name} is neither a program nor a script; begin a script with #! and its interpreter"
    line = start[2:].partition(b"\n")[0]
    if b"\0" in line:
        return f"{name} has a NUL in its first line, where the kernel stops reading; write it as plain text"
    if line.endswith(b"\r"):
        return f"{name} has CRLF line endings, which become part of its interpreter's name; convert them to LF"
    if not line.split():
        return f"{name} names no interpreter after #!"
    interpreter = os.fsdecode(line.split()[0])
    if not Path(interpreter).exists():
        return f"{name} names the interpreter {interpreter!r}, which does not exist; install it or name another"
    return None
