"""L1: the archive itself; L2: sizes."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from bootjack_layers.limits import LAYERS, UNZIPPED_BYTES, ZIPPED_BYTES
from bootjack_layers.rules import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootjack_layers.source import Layer

    from . import Target

__all__ = ["archives", "sizes"]

_ALL = "all layers"


def archives(layers: Sequence[Layer], _target: Target) -> Iterator[Finding]:
    """Check that each archive can be extracted, and yields the files that its author meant."""
    for layer in layers:
        found = [*_names(layer), *_duplicates(layer)]
        yield from found
        if layer.refusal and not any(finding.rule in ("L102", "L103") for finding in found):
            yield Finding("L101", layer.label, "", layer.refusal)
        if layer.files and all(entry.mode is None for entry in layer.listed):
            message = (
                "records no file modes, so nothing in it is executable: "
                "create it on Linux or macOS, or with `layer build`"
            )
            yield Finding("L105", layer.label, "", message)


def _names(layer: Layer) -> Iterator[Finding]:
    if layer.zipped is None:
        return
    for entry in layer.listed:
        if "\\" in entry.raw:
            message = "has a backslash in its name, which Lambda keeps: create the archive with forward slashes"
            yield Finding("L103", layer.label, entry.raw, message)
        elif entry.raw.startswith("/") or ".." in entry.raw.split("/") or re.match("[A-Za-z]:", entry.raw):
            message = "would be extracted outside /opt: create the archive with relative names"
            yield Finding("L102", layer.label, entry.raw, message)


def _duplicates(layer: Layer) -> Iterator[Finding]:
    counts = Counter(entry.name for entry in layer.listed if entry.name in layer.files)
    for name in sorted(name for name, count in counts.items() if count > 1):
        message = "appears more than once in the archive, and only the last one counts: keep one"
        yield Finding("L104", layer.label, name, message)


def sizes(layers: Sequence[Layer], _target: Target) -> Iterator[Finding]:
    """Check Lambda's limits on the size and number of layers."""
    for layer in layers:
        if layer.zipped is not None and layer.zipped > ZIPPED_BYTES:
            message = (
                f"is {_mb(layer.zipped)} zipped, over {_mb(ZIPPED_BYTES)}: publish it through S3, or make it smaller"
            )
            yield Finding("L201", layer.label, "", message)
    total = sum(layer.unzipped for layer in layers)
    if total > UNZIPPED_BYTES:
        largest = max(layers, key=lambda layer: layer.unzipped)
        message = f"take {_mb(total)} unzipped, over {_mb(UNZIPPED_BYTES)}; the largest is {largest.label}"
        yield Finding("L202", _ALL, "", message)
    if len(layers) > LAYERS:
        message = f"are {len(layers)}, but a function can have at most {LAYERS}: merge some"
        yield Finding("L203", _ALL, "", message)


def _mb(size: int) -> str:
    return f"{size / (1 << 20):.1f} MB"
