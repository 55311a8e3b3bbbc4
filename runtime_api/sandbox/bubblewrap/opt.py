"""Merges a function's layers, in order, into the one directory that appears at /opt; made once and shared."""

from __future__ import annotations

import errno
import os
import stat
from functools import partial
from typing import TYPE_CHECKING, Protocol

from runtime_api.sandbox.entrypoint import BOOTSTRAP

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from pathlib import Path

    from runtime_api.sandbox.entrypoint import Program
    from runtime_api.service.seams.archives import Lease

__all__ = ["SharedTrees", "hold_merged", "with_merged"]


class SharedTrees(Protocol):
    """Keeps directories that sandboxes share: `store.trees`, of which the sandbox sees this much."""

    def hold(self, key: Hashable, make: Callable[[Path], None]) -> Lease:
        """Lease the directory of this key, made by `make` when there is none."""

    def has(self, path: Path) -> bool:
        """Whether this is one of the directories, which are never written to once they are made."""


def hold_merged(layers: tuple[Path, ...], trees: SharedTrees) -> Lease:
    """Merge the layers as they are now. OSError if they conflict, or the disk is full."""
    states = tuple(_state(layer, trees) for layer in layers)
    return trees.hold(("merged", *states), partial(_merge, layers, trees))


def with_merged(program: Program, merged: Path) -> Program:
    """The program whose only layer is the merged one."""
    own, others = program.places[:1], program.places[1:]
    return program._replace(layers=(merged,), places=(*own, merged / BOOTSTRAP) if others else own)


def _merge(layers: tuple[Path, ...], trees: SharedTrees, target: Path) -> None:
    """Hard-link files of unpacked archives, which are never written to; copy those of the user's directories."""
    from bootjack_layers.errors import LayerError
    from bootjack_layers.merge import merge, write
    from bootjack_layers.source import open_tree

    try:
        opened = [open_tree(layer, str(layer)) for layer in layers]
        write(merge(opened), opened, target, trees.has)
    except LayerError as error:
        raise OSError(errno.EINVAL, f"the layers cannot be merged in {target.parent}: {error}") from error


def _state(layer: Path, trees: SharedTrees) -> Hashable:
    """Identify the state of a layer: a user's directory may change, a tree never does."""
    if trees.has(layer):
        return layer
    import hashlib

    return layer, hashlib.sha256(repr(sorted(_entries(layer))).encode(errors="surrogateescape")).digest()


def _entries(root: Path) -> Iterator[tuple[str, int, int, int, int]]:
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(folder, name)  # noqa: PTH118 - for many thousands of files
            try:
                found = os.lstat(path)
            except OSError:  # it has just been removed
                continue
            size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
            yield path, found.st_mode, found.st_ino, size, found.st_mtime_ns
