"""From what the user names as TARGET, COMMAND, layer or mount to files, unpacked where they are archives."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.engine.python_handlers import handler_command, names_handler, program_in
from runtime_api.protocol.limits import CURRENT
from runtime_api.sandbox.entrypoint import Program, command_program
from runtime_api.service.code_size import layers_refusal

from .file_kinds import kind_of
from .options import fail, give_up

if TYPE_CHECKING:
    from runtime_api.store.package import Package

__all__ = ["find_layers", "find_mounts", "find_program", "here", "name_of"]


def here() -> Path:
    """The current directory."""
    try:
        return Path.cwd()
    except OSError:
        fail("the current directory no longer exists; change to one that does")


def find_program(
    target: str | None, command: tuple[str, ...], layers: tuple[Path, ...], package: Package, handler: str
) -> Program:
    """Find the function's code; `package` unpacks it where it is an archive.

    A directory or an archive without a bootstrap runs the Python handler that `handler` names in it.
    """
    if command:
        if target is not None:
            fail(f"TARGET {target} and a COMMAND after --; give only one of them")
        return _command(command, layers)
    if target == "":
        fail("TARGET is empty; name a directory, a .zip file or a bootstrap")
    if target and names_handler(target, here()):
        return Program(here(), layers, command=handler_command(target, here(), _active()))
    path = here() / (target or ".")
    mode = _mode("TARGET", target or ".", path, ", nor a Python handler; to run a command, put it after --")
    if stat.S_ISDIR(mode):
        if not os.access(path, os.R_OK | os.X_OK):
            fail(f"TARGET {target or '.'}: permission denied")
        return program_in(path.resolve(), layers, handler, _active())
    if path.suffix.lower() == ".zip":
        return program_in(_unpack(package, path), layers, handler, _active())
    if not stat.S_ISREG(mode):
        fail(f"TARGET {target}: is {kind_of(mode)}; name a directory, a .zip file or a bootstrap")
    bootstrap = path.resolve()
    return Program(bootstrap.parent, layers, places=(bootstrap,))


def _active() -> list[str]:
    """The virtual environment that the user's shell has activated, if it has."""
    return [os.environ.get("VIRTUAL_ENV", "")]


def _unpack(package: Package, archive: Path) -> Path:
    from runtime_api.store.package import PackageError

    try:
        return package.unpack(archive)
    except PackageError as error:
        give_up(str(error))


def _command(command: tuple[str, ...], layers: tuple[Path, ...]) -> Program:
    name = command[0]
    program = command_program(command, here(), layers) if name else None
    if program is None:
        if name and Path(name).is_file():
            fail(f"{name}: not executable; run chmod +x {name}")
        fail(f"{name}: no such command" if name else "the COMMAND after -- is empty")
    return program


def find_layers(given: tuple[Path, ...], package: Package, *, merged: bool) -> tuple[Path, ...]:
    """Find the directories of the layers, in the order given. Those to be `merged` must go together."""
    refusal = layers_refusal(len(given), CURRENT)
    if refusal:
        fail(f"--layer: {refusal}")
    roots = []
    for layer in given:
        path = here() / layer
        mode = _mode("--layer", str(layer), path)
        if stat.S_ISDIR(mode):
            roots.append(path.resolve())
        elif layer.suffix.lower() == ".zip":
            roots.append(_unpack(package, path))
        else:
            fail(f"--layer {layer}: not a directory or a .zip file")
    if merged and len(roots) > 1:
        _check_merging(given, roots)
    return tuple(roots)


def _check_merging(given: tuple[Path, ...], roots: list[Path]) -> None:
    from bootjack_layers.errors import LayerError
    from bootjack_layers.merge import merge
    from bootjack_layers.source import open_tree

    try:
        merge([open_tree(root, str(layer)) for layer, root in zip(given, roots, strict=True)])
    except LayerError as error:
        fail(f"--layer: {error}")


def find_mounts(given: tuple[Path, ...]) -> tuple[Path, ...]:
    """Find the files and directories of this machine that a sandbox shows besides its own."""
    from runtime_api.sandbox.view.visible import OWN_PLACES

    paths = [Path(os.path.normpath(here() / path)) for path in given]
    for name, path in zip(given, paths, strict=True):
        _mode("--mount", str(name), path)
        real = os.path.realpath(path)
        if real in OWN_PLACES:
            fail(f"--mount {name}: the sandbox has its own {real}; mount the files below it that you need")
    return tuple(paths)


def _mode(what: str, given: str, path: Path, hint: str = "") -> int:
    """Return the mode of the file at `path`; a usage error when there is none, or no permission to look."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            fail(f"{what} {given}: is a link to {path.readlink()}, which does not exist")
        fail(f"{what} {given}: no such file or directory{hint}")
    except (OSError, ValueError) as error:
        fail(f"{what} {given}: {(getattr(error, 'strerror', None) or str(error)).lower()}")


def name_of(target: str | None, command: tuple[str, ...]) -> str:
    """Make a function name of what is run: its file's name, with - for all but letters and digits."""
    # Path.resolve raises RuntimeError for a link to itself, of which nothing has been said yet.
    path = Path(command[0]) if command else Path(os.path.realpath(here() / (target or ".")))
    if path.name == "bootstrap" and not command:
        path = path.parent
    name = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in path.stem)
    return name.strip("-")[:64] or "function"
