"""L6: Python bytecode, which becomes stale in an archive unless it was compiled for one."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING

from bootjack_layers.bytecode import HEADER, read_header, source_of
from bootjack_layers.rules import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootjack_layers.source import Layer

    from . import Target

__all__ = ["bytecode"]

_MAGIC = int.from_bytes(importlib.util.MAGIC_NUMBER[:2], "little")
_ZIP_STEP_S = 2  # resolution of the times in a .zip
_FEW = 10  # this many sources compile quickly at a cold start


def bytecode(layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    """Check that Python will load the bytecode, and that it belongs to its source."""
    for layer in layers:
        if layer.root is None:
            continue
        stale, foreign, covered = [], set(), set()
        for name in sorted(layer.files):
            belongs = source_of(name)
            if belongs is None or belongs[0] not in layer.files:
                continue
            source, tag = belongs
            covered.add(source)
            if _foreign(tag, target):
                foreign.add(tag)
            if _stale(layer, name, source):
                stale.append(name)
            if _from_other_source(layer, name, source):
                file = source.rpartition("/")[2]
                message = f"was compiled from a different {file}, and that old code would run: compile it again"
                yield Finding("L602", layer.label, name, message)
        yield from _summaries(layer, stale, foreign, covered)


def _summaries(layer: Layer, stale: list[str], foreign: set[str], covered: set[str]) -> Iterator[Finding]:
    """One finding for each kind of problem that usually affects many files at once."""
    if stale:
        more = f" (and {len(stale) - 1} more)" if len(stale) > 1 else ""
        message = f"is stale{more}: the time of its source differs, so every cold start compiles the source again"
        yield Finding("L601", layer.label, stale[0], f"{message}; compile by hash, as `layer build` does")
    for tag in sorted(foreign):
        yield Finding("L604", layer.label, "", f"has bytecode for {tag}, which this runtime ignores: leave it out")
    bare = [name for name in layer.files if name.endswith(".py") and name not in covered]
    if len(bare) > _FEW:
        message = f"has {len(bare)} Python files without bytecode, so every cold start compiles what it imports"
        yield Finding("L603", layer.label, "", f"{message}: `layer build` adds it")


def _foreign(tag: str, target: Target) -> bool:
    tagged = re.fullmatch(r"cpython-3(\d+)", tag)
    return target.image.language == "python" and bool(tagged) and target.image.version != f"3.{tagged[1]}"  # type: ignore[index]


def _stale(layer: Layer, name: str, source: str) -> bool:
    head = read_header(_read(layer, name, HEADER))
    if head is None or head.hashed:
        return False
    listed = layer.files[source]
    tolerated = _ZIP_STEP_S if layer.zipped is not None else 1
    return abs(head.seconds - listed.seconds) >= tolerated or head.size != listed.size & 0xFFFFFFFF


def _from_other_source(layer: Layer, name: str, source: str) -> bool:
    """Checks bytecode of this interpreter's own version only, since others may use another hash."""
    head = read_header(_read(layer, name, HEADER))
    if head is None or not head.hashed or head.checked or head.magic != _MAGIC:
        return False
    return head.digest != importlib.util.source_hash(_read(layer, source))


def _read(layer: Layer, name: str, size: int = -1) -> bytes:
    assert layer.root is not None
    path = layer.root / name
    if not path.is_file():
        return b""  # a dangling link
    with path.open("rb") as file:
        return file.read(size)
