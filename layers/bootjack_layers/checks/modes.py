"""L4: file modes, as the archive or the directory has them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from bootjack_layers.rules import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootjack_layers.source import Layer, Listed

    from . import Target

__all__ = ["modes"]


def modes(layers: Sequence[Layer], _target: Target) -> Iterator[Finding]:
    """Check that the function's user can read, enter and run what the layers hold."""
    for layer in layers:
        for entry in layer.listed:
            if entry.mode is not None and entry.kind != stat.S_IFLNK:
                yield from _check_mode(layer, entry, entry.mode)


def _check_mode(layer: Layer, entry: Listed, mode: int) -> Iterator[Finding]:
    shown = f"has mode {mode:o}"
    if entry.kind == stat.S_IFDIR:
        if mode & 0o005 != 0o005:
            yield Finding("L402", layer.label, entry.name, f"{shown}, so only its owner can enter it: chmod 755")
    elif not mode & 0o004:
        yield Finding("L401", layer.label, entry.name, f"{shown}, so only its owner can read it: chmod 644 or 755")
    elif entry.name.startswith("bin/") and not mode & 0o001:
        yield Finding("L403", layer.label, entry.name, f"{shown}, so it is on PATH but cannot be run: chmod 755")
    if mode & 0o7000 or mode & 0o002:
        message = f"{shown}, which has no use in a layer: chmod 644 or 755"
        yield Finding("L404", layer.label, entry.name, message)
