"""What Lambda puts into /opt: layers in their order, folders merged, of files with one name the last (guide 2682)."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING, NamedTuple

from .errors import LayerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .source import Layer

__all__ = ["Placed", "merge", "write"]


class Placed(NamedTuple):
    """One file or link of /opt, the layer it came from, and the layers whose files of that name it hides."""

    name: str
    layer: Layer
    hides: tuple[Layer, ...] = ()


def merge(layers: Sequence[Layer]) -> list[Placed]:
    """What stands in /opt in the end, by name; a file where another layer has a directory is refused."""
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


def _clash(name: str, file: Layer, folder: Layer) -> LayerError:
    return LayerError(f"{name} is a file in {file.label} and a directory in {folder.label}: rename one of them")


def write(
    placed: Sequence[Placed], layers: Sequence[Layer], target: Path, shared: Callable[[Path], bool] | None = None
) -> None:
    """Make it so in target, which is new or empty; modes are kept, a directory has that of the last layer.

    Of layers whose root is `shared` files are linked where the file system lets them be: nobody may write to either.
    """
    try:
        if target.is_dir() and any(target.iterdir()):
            raise LayerError(f"{target} is not empty: empty it, or name another directory")
        if target.exists():
            if not target.is_dir():
                raise LayerError(f"{target} is no directory: name a new or an empty one")
        elif not target.parent.is_dir():
            raise LayerError(f"{target}: there is no directory {target.parent}")
        target.mkdir(exist_ok=True)
        modes = _make_folders(layers, target)
        linking = {id(layer) for layer in layers if shared and layer.root and shared(layer.root)}
        for item in placed:
            assert item.layer.root is not None
            source, copy = item.layer.root / item.name, target / item.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            _put(source, copy, link=id(item.layer) in linking)
        for folder, mode in modes.items():
            folder.chmod(mode)
    except OSError as error:
        raise LayerError(f"{error.filename or target}: {(error.strerror or 'cannot be written').lower()}") from error


def _make_folders(layers: Sequence[Layer], target: Path) -> dict[Path, int]:
    """Make the directories that layers list, and tell their modes; whoever made them can always remove them."""
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
        except OSError:  # another file system, one without links, or one link too many
            pass
        else:
            return
    shutil.copy2(source, copy)
