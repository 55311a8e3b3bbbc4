"""A TARGET that names a Python handler, `module.function`: it runs on the bootstrap that comes with bootjack."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import bootjack_bootstrap

__all__ = ["BOOTSTRAP", "handler_command", "names_handler"]

BOOTSTRAP = Path(bootjack_bootstrap.__file__).with_name("bootstrap")
_HANDLER = re.compile(r"([\w./-]+?)(:[\w.]+|\.\w+)")
_MODULES = ("{}.py", "{}.pyc", "{}/__init__.py")


def names_handler(target: str | None, directory: Path) -> bool:
    """Tell whether TARGET is the handler of a module in the directory, rather than a file."""
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


def handler_command(handler: str, directory: Path) -> tuple[str, ...]:
    """Make the command that runs the handler, with the interpreter whose packages it should find."""
    return str(_interpreter(directory)), str(BOOTSTRAP), handler


def _interpreter(directory: Path) -> Path:
    """Prefer the active virtual environment, then the project's own, then the interpreter that runs bootjack."""
    environments = [os.environ.get("VIRTUAL_ENV"), str(directory / ".venv")]
    for environment in filter(None, environments):
        python = Path(environment) / "bin" / "python3"
        if os.access(python, os.X_OK):
            return python
    return Path(sys.executable)
