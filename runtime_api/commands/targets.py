"""What a user names as TARGET, COMMAND or layer: found, unpacked where it is an archive, and made a Program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.sandbox.entrypoint import Program, bootstrap_program, command_program

from .options import fail

if TYPE_CHECKING:
    from contextlib import ExitStack

__all__ = ["find_layers", "find_program"]


def find_program(target: str | None, command: tuple[str, ...], layers: tuple[Path, ...], stack: ExitStack) -> Program:
    """The function's code; what has to be unpacked lasts as long as `stack`."""
    if command:
        if target is not None:
            fail(f"TARGET {target} and a COMMAND behind --: give one of them")
        program = command_program(command, Path.cwd(), layers)
        if program is None:
            if Path(command[0]).is_file():
                fail(f"{command[0]} is not executable: chmod +x {command[0]}")
            fail(f"{command[0]}: no such command")
        return program
    path = Path(target or ".")
    if not path.exists():
        fail(f"TARGET {target}: no such file or directory (a command goes behind --)")
    if path.is_dir():
        return bootstrap_program(path.resolve(), layers)
    if path.suffix.lower() == ".zip":
        return bootstrap_program(_unpacked(path, stack), layers)
    bootstrap = path.resolve()
    return Program(bootstrap.parent, layers, places=(bootstrap,))


def find_layers(given: tuple[Path, ...], stack: ExitStack) -> tuple[Path, ...]:
    """The roots of the layers, in the order given."""
    roots = []
    for layer in given:
        if layer.is_dir():
            roots.append(layer.resolve())
        elif layer.suffix.lower() == ".zip" and layer.is_file():
            roots.append(_unpacked(layer, stack))
        else:
            fail(f"--layer {layer}: neither a directory nor a .zip file")
    return tuple(roots)


def _unpacked(archive: Path, stack: ExitStack) -> Path:
    import tempfile

    from layers.archive import ArchiveError, extract

    parent = stack.enter_context(tempfile.TemporaryDirectory(prefix="bootjack-"))
    root = Path(parent).resolve() / "task"
    try:
        extract(archive, root)
    except ArchiveError as error:
        fail(str(error))
    return root
