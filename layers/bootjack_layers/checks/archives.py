"""L1: the archive itself; L2: its size."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootjack_layers.limits import LAYERS, UNZIPPED_BYTES, ZIPPED_BYTES
from bootjack_layers.rules import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootjack_layers.source import Layer

    from . import Target

__all__ = ["archives", "sizes"]


def archives(layers: Sequence[Layer], _target: Target) -> Iterator[Finding]:
    """Whether each archive can be taken out as it was meant."""
    for layer in layers:
        found = [*_names(layer), *_twice(layer)]
        yield from found
        if layer.refusal and not any(finding.rule in ("L102", "L103") for finding in found):
            yield Finding("L101", layer.label, "", layer.refusal)
        if layer.files and all(entry.mode is None for entry in layer.listed):
            message = (
                "no entry has a mode, so nothing is executable: make it on Linux or macOS, or with `layer build`"
            )
            yield Finding("L105", layer.label, "", message)


def _names(layer: Layer) -> Iterator[Finding]:
    for entry in layer.listed:
        if layer.zipped is None:
            break
        if "\\" in entry.raw:
            message = "becomes one flat file with a backslash in its name: make the archive with forward slashes"
            yield Finding("L103", layer.label, entry.raw, message)
        elif entry.raw.startswith("/") or ".." in entry.raw.split("/") or re.match("[A-Za-z]:", entry.raw):
            yield Finding("L102", layer.label, entry.raw, "leaves /opt: make the archive with relative names")


def _twice(layer: Layer) -> Iterator[Finding]:
    names = [entry.name for entry in layer.listed if entry.name in layer.files]
    for name in sorted({name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()):
        yield Finding(
            "L104", layer.label, name, "is in the archive more than once, and only the last counts: keep one"
        )


def sizes(layers: Sequence[Layer], _target: Target) -> Iterator[Finding]:
    """The limits."""
    for layer in layers:
        if layer.zipped is not None and layer.zipped > ZIPPED_BYTES:
            message = f"is {_mb(layer.zipped)} zipped, over {_mb(ZIPPED_BYTES)}: publish it through S3, or take out"
            yield Finding("L201", layer.label, "", message)
    total = sum(layer.unzipped for layer in layers)
    if total > UNZIPPED_BYTES:
        largest = max(layers, key=lambda layer: layer.unzipped)
        message = f"take {_mb(total)} unzipped, over {_mb(UNZIPPED_BYTES)}; the largest is {largest.label}"
        yield Finding("L202", "all layers", "", message)
    if len(layers) > LAYERS:
        yield Finding("L203", "all layers", "", f"are {len(layers)}, and a function has at most {LAYERS}: merge some")


def _mb(size: int) -> str:
    return f"{size / (1 << 20):.1f} MB"
