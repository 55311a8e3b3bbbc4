"""Find the shared libraries that binaries need, in a directory tree and on this machine."""

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

__all__ = ["LIBC_FAMILY", "FoundBinary", "HostLibraries", "binaries", "glibc_of", "newer_than"]

_VERSION = re.compile(r"GLIBC_(\d+)\.(\d+)(\.\d+)?")
_DEFAULT = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_LDCONFIG_LIMIT_S = 30
# The parts of glibc, which a program must load from one place only. An executable that needs all of them loads them
# at start, so a library with a RUNPATH of its own gets these and not the image's.
LIBC_FAMILY = (
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
    "libresolv.so.2",
)


class FoundBinary(NamedTuple):
    """A binary in a tree."""

    name: str
    path: Path
    binary: Binary


def binaries(root: Path) -> Iterator[FoundBinary]:
    """Every ELF file under root, sorted by name."""
    for folder, _, files in sorted(os.walk(root)):
        for file in sorted(files):
            path = Path(folder) / file
            if path.is_file() and not path.is_symlink() and path.stat().st_size > 4 and is_elf(path):
                name = str(path.relative_to(root))
                try:
                    binary = read_binary(path)
                except ElfError as error:
                    raise LayerError(f"{name} is not a readable ELF file: {error.reason}; replace it") from error
                yield FoundBinary(name, path, binary)


def glibc_of(version: str) -> tuple[int, int] | None:
    """The glibc release of a symbol version; None for versions of other libraries and private ones."""
    matched = _VERSION.fullmatch(version)
    return (int(matched[1]), int(matched[2])) if matched else None


def newer_than(binary: Binary, glibc: tuple[int, int]) -> tuple[str, str] | None:
    """The newest symbol version that needs a later glibc than this release, with a symbol of that version."""
    over = [(found, need) for need in binary.needs if (found := glibc_of(need.version)) and found > glibc]
    if not over:
        return None
    need = max(over, key=lambda pair: pair[0])[1]
    return need.version, need.symbol


class HostLibraries:
    """Finds libraries on this machine as its dynamic loader does."""

    def __init__(self, machine: str, extra: Iterable[Path] = ()) -> None:
        self._machine = machine
        self._folders = [*map(Path, extra), *map(Path, _DEFAULT)]
        self._cache: dict[str, list[Path]] | None = None

    def find(self, name: str, needed_by: Binary | None = None, origin: Path | None = None) -> Path:
        """The file of a library that a binary needs; `origin` is the directory that the binary is in."""
        for path in self._candidates(name, needed_by, origin):
            try:
                if path.is_file() and read_binary(path).machine == self._machine:
                    return path
            except ElfError:
                continue  # a linker script, which the loader ignores as well
        raise LayerError(f"{name} is needed but not on this machine: install the package that contains it")

    def _candidates(self, name: str, needed_by: Binary | None, origin: Path | None) -> Iterator[Path]:
        for folder in (*needed_by.rpath, *needed_by.runpath) if needed_by else ():
            expanded = folder.replace("${ORIGIN}", "$ORIGIN")
            if "$ORIGIN" in expanded and origin is None:
                continue
            yield Path(expanded.replace("$ORIGIN", str(origin))) / name
        if self._cache is None:
            self._cache = _loader_cache()
        yield from self._cache.get(name, ())
        for folder_path in self._folders:
            yield folder_path / name


def _loader_cache() -> dict[str, list[Path]]:
    """The libraries in /etc/ld.so.cache, as ldconfig lists them; its binary format is glibc's own business."""
    listed: dict[str, list[Path]] = {}
    for program in ("/sbin/ldconfig", "/usr/sbin/ldconfig", "ldconfig"):
        try:
            run = subprocess.run(
                [program, "-p"], capture_output=True, text=True, timeout=_LDCONFIG_LIMIT_S, check=True
            )
        except (OSError, subprocess.SubprocessError):
            continue
        for line in run.stdout.splitlines():
            name, arrow, path = line.strip().partition(" => ")
            if arrow:
                listed.setdefault(name.split(" ")[0], []).append(Path(path))
        break
    return listed
