"""L5: binaries, against the image that they shall run on and the layers that they come with."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bootjack_layers.elf import Binary, ElfError, is_elf, read_binary
from bootjack_layers.images import LIKELY_LIBRARIES, SYSTEM_LIBRARIES, loader_of
from bootjack_layers.libraries import excess
from bootjack_layers.rules import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootjack_layers.source import Layer

    from . import Target

__all__ = ["native"]

_TAGGED = re.compile(r".*\.cpython-3(\d+)[a-z]?-[^/]*\.so")
_ON_PATH = "lib"  # of /opt: LD_LIBRARY_PATH has it


class _Item(NamedTuple):
    layer: Layer
    name: str
    binary: Binary


def native(layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    """Everything about ELF files."""
    items: list[_Item] = []
    for layer in layers:
        for name in sorted(layer.files):
            path = layer.root / name if layer.root else None
            if path is None or path.is_symlink() or not path.is_file() or not is_elf(path):
                continue
            try:
                items.append(_Item(layer, name, read_binary(path)))
            except ElfError as error:
                yield Finding(
                    "L506", layer.label, name, f"{str(error).partition(': ')[2]}: build or download it again"
                )
    names = {name for layer in layers for name in layer.files}
    own_libc = {_folder(item.name) for item in items if item.name.rpartition("/")[2] == "libc.so.6"}
    for item in items:
        if item.binary.machine != target.arch:
            message = f"is for {item.binary.machine}, not {target.arch}: build or install it for that"
            yield Finding("L501", item.layer.label, item.name, message)
            continue
        yield from _newer(item, target, own_libc)
        yield from _unmet(item, names, own_libc)
        yield from _loader(item, names, target)
        yield from _other_python(item, target)
    yield from _likely(items, names, target)


def _newer(item: _Item, target: Target, own_libc: set[str]) -> Iterator[Finding]:
    """With a C library of the layers' own, that one counts: it came with what needs it."""
    need = excess(item.binary, target.image.glibc)
    if need and not own_libc:
        version, symbol = need
        message = (
            f"needs {version}{f' (symbol {symbol})' if symbol else ''}, and {target.image.runtime} has glibc "
            f"{target.image.glibc[0]}.{target.image.glibc[1]}: build it on an older system, or take an older wheel"
        )
        yield Finding("L502", item.layer.label, item.name, message)


def _unmet(item: _Item, names: set[str], own_libc: set[str]) -> Iterator[Finding]:
    folders = [_ON_PATH, *own_libc]
    for entry in (*item.binary.rpath, *item.binary.runpath):
        place = entry.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", f"/opt/{_folder(item.name)}")
        folders.append(os.path.normpath(place).removeprefix("/opt/"))
    # A module that loads a library before this one is asked for is beyond what can be seen: a library that lies
    # anywhere in the same package counts as found.
    package = "/".join(item.name.split("/")[:2])
    near = {name.rpartition("/")[2] for name in names if name.startswith(f"{package}/")}
    for library in item.binary.needed:
        if library in SYSTEM_LIBRARIES or library in LIKELY_LIBRARIES or library in near:
            continue
        if not any((f"{folder}/{library}" if folder else library) in names for folder in folders):
            message = f"needs {library}, which no layer brings where it is looked for: put it into lib/"
            yield Finding("L503", item.layer.label, item.name, message)


def _likely(items: Sequence[_Item], names: set[str], target: Target) -> Iterator[Finding]:
    """One finding for each library, however many ask for it."""
    if not target.image.provided:
        return
    brought = {name.rpartition("/")[2] for name in names}
    for library in sorted(LIKELY_LIBRARIES - brought):
        asking = [item for item in items if library in item.binary.needed]
        if asking:
            message = (
                f"needs {library}, which {target.image.runtime} is not known to have: bring it in lib/ to be sure"
            )
            yield Finding("L507", asking[0].layer.label, asking[0].name, message)


def _loader(item: _Item, names: set[str], target: Target) -> Iterator[Finding]:
    loader = item.binary.interpreter
    if loader and loader != loader_of(target.arch) and loader.removeprefix("/opt/") not in names:
        message = f"names the loader {loader}, which neither the image nor a layer has: build it for glibc, or static"
        yield Finding("L504", item.layer.label, item.name, message)


def _other_python(item: _Item, target: Target) -> Iterator[Finding]:
    tagged = _TAGGED.fullmatch(item.name)
    if tagged and target.image.language == "python" and target.image.version != f"3.{tagged[1]}":
        if Path(item.name).parts[0] != "python":
            return
        message = f"is for Python 3.{tagged[1]}, and {target.image.runtime} cannot import it: install it for that"
        yield Finding("L505", item.layer.label, item.name, message)


def _folder(name: str) -> str:
    return name.rpartition("/")[0]
