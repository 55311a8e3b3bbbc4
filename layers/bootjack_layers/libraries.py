"""Which shared libraries a tree asks for, and where this machine keeps them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .elf import Binary, ElfError, is_elf, read_binary
from .errors import LayerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["FAMILY", "Found", "HostLibraries", "binaries", "excess", "glibc_of"]

_VERSION = re.compile(r"GLIBC_(\d+)\.(\d+)(\.\d+)?")
_DEFAULT = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
# The C library's own: a program must take all of them from one place. Loaded at start, so that a library with a
# RUNPATH of its own finds them there and not in the image's.
FAMILY = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libresolv.so.2")


class Found(NamedTuple):
    """A binary in a tree."""

    name: str
    path: Path
    binary: Binary


def binaries(root: Path) -> Iterator[Found]:
    """Every ELF file under root, sorted by name; a broken one raises `ElfError`."""
    for folder, _, files in sorted(os.walk(root)):
        for file in sorted(files):
            path = Path(folder) / file
            if path.is_file() and not path.is_symlink() and path.stat().st_size > 4 and is_elf(path):
                yield Found(str(path.relative_to(root)), path, read_binary(path))


def glibc_of(version: str) -> tuple[int, int] | None:
    """The release in a symbol's version; None for one of another library's, or of its private ones."""
    matched = _VERSION.fullmatch(version)
    return (int(matched[1]), int(matched[2])) if matched else None


def excess(binary: Binary, glibc: tuple[int, int]) -> tuple[str, str] | None:
    """The newest version of the C library that is too new for a release, and the symbol that asks for it."""
    over = [(found, need) for need in binary.needs if (found := glibc_of(need.version)) and found > glibc]
    if not over:
        return None
    need = max(over, key=lambda pair: pair[0])[1]
    return need.version, need.symbol


class HostLibraries:
    """Finds libraries as the loader here would."""

    def __init__(self, machine: str, extra: Iterable[Path] = ()) -> None:
        self._machine = machine
        self._folders = [*map(Path, extra), *map(Path, _DEFAULT)]
        self._cache: dict[str, list[Path]] | None = None

    def find(self, name: str, asker: Binary | None = None, home: Path | None = None) -> Path:
        """The file behind a library's name, for a binary that lies in `home` here."""
        for path in self._candidates(name, asker, home):
            try:
                if path.is_file() and read_binary(path).machine == self._machine:
                    return path
            except ElfError:
                continue  # a linker script, which loaders do not read either
        raise LayerError(f"{name} is needed, and not on this machine: install the package that holds it")

    def _candidates(self, name: str, asker: Binary | None, home: Path | None) -> Iterator[Path]:
        for folder in (*asker.rpath, *asker.runpath) if asker else ():
            expanded = folder.replace("${ORIGIN}", "$ORIGIN")
            if "$ORIGIN" in expanded and home is None:
                continue
            yield Path(expanded.replace("$ORIGIN", str(home))) / name
        if self._cache is None:
            self._cache = _loader_cache()
        yield from self._cache.get(name, ())
        for folder_path in self._folders:
            yield folder_path / name


def _loader_cache() -> dict[str, list[Path]]:
    """What /etc/ld.so.cache lists, by ldconfig's own reading of it."""
    listed: dict[str, list[Path]] = {}
    for program in ("/sbin/ldconfig", "/usr/sbin/ldconfig", "ldconfig"):
        try:
            run = subprocess.run([program, "-p"], capture_output=True, text=True, timeout=30, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        for line in run.stdout.splitlines():
            name, arrow, path = line.strip().partition(" => ")
            if arrow:
                listed.setdefault(name.split(" ")[0], []).append(Path(path))
        break
    return listed
