"""Compute and write the content of /opt.

Lambda extracts the layers in order: directories are merged, and of files with the same name the last one stays
(guide 2682).
"""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING, NamedTuple

from .errors import ArchiveError, LayerError, os_reason
from .target import all_or_nothing
from .zip_directory import DEFAULT_CEILINGS
from .zip_links import refuse_escapes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .source import Layer

__all__ = ["Placed", "merge", "refuse_links_out", "write"]


class Placed(NamedTuple):
    """One file or link of /opt, the layer it comes from, and the layers whose file of that name it hides."""

    name: str
    layer: Layer
    hides: tuple[Layer, ...] = ()


def merge(layers: Sequence[Layer]) -> list[Placed]:
    """The final content of /opt, sorted by name; refuse a file where another layer has a directory."""
    placed: dict[str, Placed] = {}
    folders: dict[str, Layer] = {}
    for layer in layers:
        if layer.root is None:
            raise LayerError(f"{layer.label}: {layer.refusal}")
        for name in layer.files:
            if name in folders:
                raise _clash(name, layer, folders[name])
            parent = name.rpartition("/")[0]
            while parent and parent not in folders:
                if parent in placed:
                    raise _clash(parent, placed[parent].layer, layer)
                folders[parent] = layer
                parent = parent.rpartition("/")[0]
            earlier = placed.get(name)
            placed[name] = Placed(name, layer, (*earlier.hides, earlier.layer) if earlier else ())
    return [placed[name] for name in sorted(placed)]


def refuse_links_out(placed: Sequence[Placed]) -> None:
    """Refuse links that lead out of the merged content though they stay inside their own layers.

    `a -> b/..` stays inside a layer in which `b` is nothing or a directory, and leads out once another layer has made
    `b` a link to `.`.
    """
    links = {
        item.name: str((item.layer.root / item.name).readlink())
        for item in placed
        if item.layer.root is not None and item.layer.files[item.name].kind == stat.S_IFLNK
    }
    try:
        refuse_escapes(links, DEFAULT_CEILINGS.path_bytes)
    except ArchiveError as error:
        raise LayerError(f"the layers cannot be merged: {error}") from error


def _clash(name: str, file: Layer, folder: Layer) -> LayerError:
    return LayerError(f"{name} is a file in {file.label} and a directory in {folder.label}: rename one of them")


def write(
    placed: Sequence[Placed], layers: Sequence[Layer], target: Path, shared: Callable[[Path], bool] | None = None
) -> None:
    """Write the merged content into a new or empty directory, completely or not at all.

    Modes are kept; that of a directory is the last layer's.

    If `shared` accepts a layer's root, its files are hard-linked where the file system allows it, so neither the root
    nor the target may be written to afterwards.
    """
    try:
        _refuse_target(target)
        with all_or_nothing(target):
            _fill(placed, layers, target, shared)
    except OSError as error:
        raise LayerError(f"{error.filename or target}: {os_reason(error)}") from error


def _refuse_target(target: Path) -> None:
    if target.is_dir() and any(target.iterdir()):
        raise LayerError(f"{target} is not empty: empty it, or name another directory")
    if target.exists():
        if not target.is_dir():
            raise LayerError(f"{target} is not a directory: name a new or an empty one")
    elif not target.parent.is_dir():
        raise LayerError(f"{target}: there is no directory {target.parent}")


def _fill(
    placed: Sequence[Placed], layers: Sequence[Layer], target: Path, shared: Callable[[Path], bool] | None
) -> None:
    modes = _make_folders(layers, target)
    linked = {id(layer) for layer in layers if shared and layer.root and shared(layer.root)}
    for item in placed:
        assert item.layer.root is not None
        source, copy = item.layer.root / item.name, target / item.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        _put(source, copy, link=id(item.layer) in linked)
    for folder, mode in modes.items():
        folder.chmod(mode)


def _make_folders(layers: Sequence[Layer], target: Path) -> dict[Path, int]:
    """Create the directories that layers list, and return their modes; the owner can always write, to delete them."""
    modes = {}
    for layer in layers:
        for entry in layer.listed:
            if entry.kind == stat.S_IFDIR and entry.name and layer.root is not None:
                folder = target / entry.name
                folder.mkdir(parents=True, exist_ok=True)
                modes[folder] = stat.S_IMODE((layer.root / entry.name).stat().st_mode) | 0o700
    return modes


def _put(source: Path, copy: Path, *, link: bool) -> None:
    if source.is_symlink():
        copy.symlink_to(source.readlink())
        return
    if link:
        try:
            os.link(source, copy)
        except OSError:  # another file system, one without hard links, or one link too many
            pass
        else:
            return
    shutil.copy2(source, copy)
