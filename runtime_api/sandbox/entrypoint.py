"""What to run: a bootstrap, found as Lambda finds it, or a command (guide 4498-4512)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BOOTSTRAP",
    "EXTENSIONS",
    "Program",
    "bootstrap_program",
    "command_program",
    "find_bootstrap",
    "find_extensions",
    "find_libraries",
    "has_extensions_off",
]

BOOTSTRAP = "bootstrap"
EXTENSIONS = "extensions"  # below /opt
NO_EXTENSIONS = "disable-extensions-jwigqn8j"  # below /opt: switches them off (RIE, extensions.go)


class Program(NamedTuple):
    """A function's code: where it is and how to start it."""

    task_root: Path
    layers: tuple[Path, ...] = ()  # in the order of the function's configuration; the last one wins
    command: tuple[str, ...] = ()  # empty: look for a bootstrap at every start
    places: tuple[Path, ...] = ()  # where to look, in order
    mounts: tuple[Path, ...] = ()  # more files of the host that a sandbox shows, at their own paths
    missing: str = ""  # what to do about it when no bootstrap is found
    opt: Path | None = None  # a directory that stands for /opt without being a layer, for its extensions
    is_wrapped: bool = False  # by the program that the function's AWS_LAMBDA_EXEC_WRAPPER names, if it names one


def bootstrap_program(task_root: Path, layers: tuple[Path, ...] = ()) -> Program:
    """Run the bootstrap of a directory, or else that of the last layer that has one."""
    roots = (task_root, *reversed(layers))
    return Program(task_root, layers, places=tuple(root / BOOTSTRAP for root in roots))


def command_program(command: tuple[str, ...], directory: Path, layers: tuple[Path, ...] = ()) -> Program | None:
    """Run a command in `directory`; None if its program is not found on this process's PATH."""
    import shutil  # slow to import, and most functions name no command

    found = shutil.which(command[0])
    if found is None:
        return None
    # Without `..`, since it is compared with the code's path to find out what it is inside.
    return Program(directory, layers, command=(os.path.normpath(Path(found).absolute()), *command[1:]))


def find_bootstrap(places: tuple[Path, ...]) -> Path | None:
    """The first place that holds a file, executable or not: the start reports what is wrong with it."""
    return next((place for place in places if place.is_file()), None)


def find_extensions(program: Program) -> dict[str, Path]:
    """The external extensions, in the order of their names: every file of /opt/extensions, executable or not.

    Of two with one name the last layer's counts, as when the layers are merged. None where they are switched off.
    """
    if has_extensions_off(program):
        return {}
    found = {path.name: path for root in _opt_roots(program) for path in _files(root / EXTENSIONS)}
    return dict(sorted(found.items()))


def has_extensions_off(program: Program) -> bool:
    """Whether /opt has the file that switches all extensions off."""
    return any(os.path.lexists(root / NO_EXTENSIONS) for root in _opt_roots(program))


def _opt_roots(program: Program) -> tuple[Path, ...]:
    """The directories that make up /opt."""
    return (program.opt,) if program.opt is not None else program.layers


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.is_dir()]
    except OSError:  # there is none, or this user may not look into it
        return []


def find_libraries(layer: Path, inside: Callable[[Path], str] = str) -> dict[str, list[str]]:
    """The folders of a layer that languages search, as paths `inside`, by the variable that lists them."""
    from runtime_api.service.variables import LIBRARY_FOLDERS  # commands that run nothing start faster

    found = {
        name: [inside(path) for pattern in patterns for path in sorted(layer.glob(pattern))]
        for name, patterns in LIBRARY_FOLDERS.items()
    }
    return {name: folders for name, folders in found.items() if folders}
