"""A Python handler, `module.function`, as a program: it runs on the bootstrap that comes with bootjack."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import bootjack_bootstrap
from runtime_api.sandbox.entrypoint import Program, bootstrap_program, find_bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BOOTSTRAP", "handler_command", "names_handler", "program_in"]

BOOTSTRAP = Path(bootjack_bootstrap.__file__).with_name("bootstrap")
_HANDLER = re.compile(r"([\w./-]+?)(:[\w.]+|\.\w+)")
_MODULES = ("{}.py", "{}.pyc", "{}/__init__.py")


def names_handler(target: str | None, directory: Path) -> bool:
    """Tell whether this is the handler of a module in the directory, rather than a file there."""
    form = _HANDLER.fullmatch(target or "")
    if not form:
        return False
    module = form[1].replace(".", "/")
    try:
        if (directory / form[0]).exists():
            return False
        return any((directory / shape.format(module)).is_file() for shape in _MODULES)
    except OSError:  # no permission to look
        return False


def program_in(task_root: Path, layers: tuple[Path, ...], handler: str, active: Iterable[str] = ()) -> Program:
    """Run the bootstrap of a directory or of a layer; where there is none, the Python handler of the directory."""
    program = bootstrap_program(task_root, layers)
    if find_bootstrap(program.places) is not None or not names_handler(handler, task_root):
        return program
    command = handler_command(handler, task_root, active)
    return Program(task_root, layers, command=command, mounts=(BOOTSTRAP.parent,))


def handler_command(handler: str, directory: Path, active: Iterable[str] = ()) -> tuple[str, ...]:
    """Make the command that runs the handler, with the interpreter whose packages it should find.

    That is the first `active` virtual environment, or else the directory's own, or this interpreter.
    """
    return str(_interpreter([*active, str(directory / ".venv")])), str(BOOTSTRAP), handler


def _interpreter(environments: list[str]) -> Path:
    for environment in filter(None, environments):
        python = Path(environment) / "bin" / "python3"
        if os.access(python, os.X_OK):
            return python
    return Path(sys.executable)
