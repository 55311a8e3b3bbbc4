"""What is to be run: a bootstrap found as Lambda finds it, or a command (guide 4498-4512)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.service.variables import LIBRARY_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BOOTSTRAP", "Program", "bootstrap_program", "command_program", "find_bootstrap", "find_libraries"]

BOOTSTRAP = "bootstrap"


class Program(NamedTuple):
    """A function's code: where it is, and how it is started."""

    task_root: Path
    layers: tuple[Path, ...] = ()  # in the order of the function's list; the last one wins
    command: tuple[str, ...] = ()  # empty: the bootstrap is looked for at every start
    places: tuple[Path, ...] = ()  # where, in order
    mounts: tuple[Path, ...] = ()  # of the host's files, those that a sandbox shows besides, at their own paths


def bootstrap_program(task_root: Path, layers: tuple[Path, ...] = ()) -> Program:
    """The code in a directory: its own bootstrap first, then that of the last layer that has one."""
    roots = (task_root, *reversed(layers))
    return Program(task_root, layers, places=tuple(root / BOOTSTRAP for root in roots))


def command_program(command: tuple[str, ...], directory: Path, layers: tuple[Path, ...] = ()) -> Program | None:
    """A command to be run in `directory`, its program looked up on this process's PATH; None when there is none."""
    found = shutil.which(command[0])
    if found is None:
        return None
    return Program(directory, layers, command=(str(Path(found).absolute()), *command[1:]))


def find_bootstrap(places: tuple[Path, ...]) -> Path | None:
    """The first place that holds a file; whether it can be executed shows when it is."""
    return next((place for place in places if place.is_file()), None)


def find_libraries(layer: Path, inside: Callable[[Path], str] = str) -> dict[str, list[str]]:
    """The folders of a layer that languages search, as they are found `inside`, by the variable that tells them."""
    found = {
        name: [inside(path) for pattern in patterns for path in sorted(layer.glob(pattern))]
        for name, patterns in LIBRARY_FOLDERS.items()
    }
    return {name: folders for name, folders in found.items() if folders}
