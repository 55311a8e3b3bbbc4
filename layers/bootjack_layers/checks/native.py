"""L5: binaries, checked against the image that will run them and the other files in the layers."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bootjack_layers.elf import Binary, ElfError, is_elf, read_binary
from bootjack_layers.images import LIKELY_LIBRARIES, SYSTEM_LIBRARIES, loader_of
from bootjack_layers.libraries import newer_than
from bootjack_layers.rules import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootjack_layers.source import Layer

    from . import Target

__all__ = ["native"]

_TAGGED = re.compile(r".*\.cpython-3(\d+)[a-z]?-[^/]*\.so")
_LIBRARY_PATH = "lib"  # below /opt, on LD_LIBRARY_PATH: guide 4440


class _Item(NamedTuple):
    layer: Layer
    name: str
    binary: Binary

    def finding(self, rule: str, message: str) -> Finding:
        return Finding(rule, self.layer.label, self.name, message)


def native(layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    """Check every ELF file."""
    items: list[_Item] = []
    for layer in layers:
        for name, path in _elf_files(layer):
            try:
                items.append(_Item(layer, name, read_binary(path)))
            except ElfError as error:
                what = f"is not a readable ELF file: {error.reason}; build or download it again"
                yield Finding("L506", layer.label, name, what)
    names = {name for layer in layers for name in layer.files}
    own_libc = {_folder(item.name) for item in items if item.name.rpartition("/")[2] == "libc.so.6"}
    for item in items:
        if item.binary.machine != target.arch:
            message = f"is for {item.binary.machine}, not {target.arch}: build or install it for {target.arch}"
            yield item.finding("L501", message)
            continue
        yield from _newer(item, target, own_libc)
        yield from _unmet(item, names, own_libc)
        yield from _loader(item, names, target)
        yield from _other_python(item, target)
    yield from _likely(items, names, target)


def _elf_files(layer: Layer) -> Iterator[tuple[str, Path]]:
    if layer.root is None:
        return
    for name in sorted(layer.files):
        path = layer.root / name
        if path.is_file() and not path.is_symlink() and is_elf(path):
            yield name, path


def _newer(item: _Item, target: Target, own_libc: set[str]) -> Iterator[Finding]:
    """A C library in the layers replaces the image's: it came with the binaries that need it."""
    need = newer_than(item.binary, target.image.glibc)
    if need and not own_libc:
        version, symbol = need
        message = (
            f"needs {version}{f' (symbol {symbol})' if symbol else ''}, but {target.image.runtime} has glibc "
            f"{target.image.glibc[0]}.{target.image.glibc[1]}: build it on an older system, or use an older wheel"
        )
        yield item.finding("L502", message)


def _unmet(item: _Item, names: set[str], own_libc: set[str]) -> Iterator[Finding]:
    folders = [_LIBRARY_PATH, *own_libc]
    for entry in (*item.binary.rpath, *item.binary.runpath):
        place = entry.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", f"/opt/{_folder(item.name)}")
        folders.append(os.path.normpath(place).removeprefix("/opt/"))
    # A package may load a library by its path before the binary that needs it, which can't be seen from here. So a
    # library anywhere in the same package counts as found.
    package = "/".join(item.name.split("/")[:2])
    near = {name.rpartition("/")[2] for name in names if name.startswith(f"{package}/")}
    for library in item.binary.needed:
        if library in SYSTEM_LIBRARIES or library in LIKELY_LIBRARIES or library in near:
            continue
        if not any((f"{folder}/{library}" if folder else library) in names for folder in folders):
            message = f"needs {library}, which no layer has where the loader looks: put it into lib/"
            yield item.finding("L503", message)


def _likely(items: Sequence[_Item], names: set[str], target: Target) -> Iterator[Finding]:
    """One finding for each library, however many binaries need it."""
    if not target.image.provided:
        return
    present = {name.rpartition("/")[2] for name in names}
    for library in sorted(LIKELY_LIBRARIES - present):
        needing = [item for item in items if library in item.binary.needed]
        if needing:
            message = f"needs {library}, which {target.image.runtime} may not have: put it into lib/ to be sure"
            yield needing[0].finding("L507", message)


def _loader(item: _Item, names: set[str], target: Target) -> Iterator[Finding]:
    loader = item.binary.interpreter
    if loader and loader != loader_of(target.arch) and loader.removeprefix("/opt/") not in names:
        message = (
            f"needs the loader {loader}, which neither the image nor a layer has: "
            "build it for glibc, or link it statically"
        )
        yield item.finding("L504", message)


def _other_python(item: _Item, target: Target) -> Iterator[Finding]:
    tagged = _TAGGED.fullmatch(item.name)
    if tagged and target.image.language == "python" and target.image.version != f"3.{tagged[1]}":
        if Path(item.name).parts[0] != "python":
            return
        message = (
            f"is for Python 3.{tagged[1]}, so {target.image.runtime} cannot import it: "
            f"install it for Python {target.image.version}"
        )
        yield item.finding("L505", message)


def _folder(name: str) -> str:
    return name.rpartition("/")[0]
