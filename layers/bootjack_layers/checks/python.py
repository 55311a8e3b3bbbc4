"""L6: bytecode, which an archive makes stale unless it was made for one."""

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
_STEP_S = 2  # of a time in a .zip
_FEW = 10  # sources that are quick to compile anyway


def bytecode(layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    """Whether bytecode will be taken, and is that of its source."""
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
            stale += [name] if _stale(layer, name, source) else []
            if _of_another(layer, name, source):
                message = f"was made of another {source.rpartition('/')[2]}, whose code would run: compile it again"
                yield Finding("L602", layer.label, name, message)
        yield from _told(layer, stale, foreign, covered)


def _told(layer: Layer, stale: list[str], foreign: set[str], covered: set[str]) -> Iterator[Finding]:
    if stale:
        more = f" (and {len(stale) - 1} more)" if len(stale) > 1 else ""
        message = f"is stale{more}: its source has another time here, so it is made anew at each cold start"
        yield Finding("L601", layer.label, stale[0], f"{message}; compile with hashes, as `layer build` does")
    for tag in sorted(foreign):
        yield Finding("L604", layer.label, "", f"bytecode for {tag} is of no use to this runtime: leave it out")
    bare = [name for name in layer.files if name.endswith(".py") and name not in covered]
    if len(bare) > _FEW:
        message = f"{len(bare)} Python files have no bytecode, so each cold start compiles what it imports"
        yield Finding("L603", layer.label, "", f"{message}: `layer build` adds it")


def _foreign(tag: str, target: Target) -> bool:
    tagged = re.fullmatch(r"cpython-3(\d+)", tag)
    return target.image.language == "python" and bool(tagged) and target.image.version != f"3.{tagged[1]}"  # type: ignore[index]


def _stale(layer: Layer, name: str, source: str) -> bool:
    head = read_header(_read(layer, name, HEADER))
    if head is None or head.hashed:
        return False
    listed = layer.files[source]
    tolerated = _STEP_S if layer.zipped is not None else 1
    return abs(head.seconds - listed.seconds) >= tolerated or head.size != listed.size & 0xFFFFFFFF


def _of_another(layer: Layer, name: str, source: str) -> bool:
    """Only told of this interpreter's own version: others may hash another way."""
    head = read_header(_read(layer, name, HEADER))
    if head is None or not head.hashed or head.checked or head.magic != _MAGIC:
        return False
    return head.digest != importlib.util.source_hash(_read(layer, source))


def _read(layer: Layer, name: str, size: int = -1) -> bytes:
    assert layer.root is not None
    path = layer.root / name
    if not path.is_file():
        return b""  # a link that leads nowhere
    with path.open("rb") as file:
        return file.read(size)
