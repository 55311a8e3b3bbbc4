"""L7: conflicts between layers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootjack_layers.errors import LayerError
from bootjack_layers.merge import merge
from bootjack_layers.rules import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootjack_layers.source import Layer

    from . import Target

__all__ = ["conflicts"]

_ALL = "all layers"
_LIBRARY = re.compile(
    r"(?P<place>python/(?:lib/[^/]+/site-packages/)?)(?P<name>[^/]+)-(?P<version>[^/-]+)\.dist-info/"
)


def conflicts(layers: Sequence[Layer], _target: Target) -> Iterator[Finding]:
    """Find files that hide others, and libraries that are installed in several versions."""
    if len(layers) > 1:
        yield from _hidden_files(layers)
    yield from _mixed_versions(layers)


def _hidden_files(layers: Sequence[Layer]) -> Iterator[Finding]:
    try:
        placed = merge([layer for layer in layers if layer.root is not None])
    except LayerError as error:
        yield Finding("L702", _ALL, "", str(error))
        return
    for item in placed:
        hidden = [layer.label for layer in item.hides if not _same(item.layer, layer, item.name)]
        if hidden:
            yield Finding("L701", item.layer.label, item.name, f"hides a different file of that name in {hidden[-1]}")


def _mixed_versions(layers: Sequence[Layer]) -> Iterator[Finding]:
    versions: dict[tuple[str, str], dict[str, str]] = {}
    for layer in layers:
        for name in sorted(layer.files):
            if found := _LIBRARY.match(name):
                library = re.sub("[-_.]+", "-", found["name"]).lower()  # as PEP 503 normalizes names
                versions.setdefault((found["place"], library), {})[found["version"]] = layer.label
    for (place, library), held in sorted(versions.items()):
        if len(held) > 1:
            listed = ", ".join(f"{version} in {label}" for version, label in held.items())
            message = f"is a mixture of several versions ({listed}): keep one"
            yield Finding("L703", _ALL, f"{place}{library}", message)


def _same(one: Layer, other: Layer, name: str) -> bool:
    first, second = one.files.get(name), other.files.get(name)
    if first is None or second is None or first.kind != second.kind or not one.root or not other.root:
        return False
    left, right = one.root / name, other.root / name
    if left.is_symlink() or right.is_symlink():
        return left.is_symlink() and right.is_symlink() and left.readlink() == right.readlink()
    return first.size == second.size and left.read_bytes() == right.read_bytes()
