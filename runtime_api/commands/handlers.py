"""A TARGET that names a Python handler, `module.function`: run with the bootstrap that comes with bootjack."""

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
    """Whether this is no file, but the handler of a module that is in the directory."""
    form = _HANDLER.fullmatch(target or "")
    if not form:
        return False
    module = form[1].replace(".", "/")
    try:
        if (directory / form[0]).exists():
            return False
        return any((directory / shape.format(module)).is_file() for shape in _MODULES)
    except OSError:  # where nobody may look there is no module either
        return False


def handler_command(handler: str, directory: Path) -> tuple[str, ...]:
    """The command that runs it, by the interpreter whose packages the handler is to find."""
    return str(_interpreter(directory)), str(BOOTSTRAP), handler


def _interpreter(directory: Path) -> Path:
    """That of the virtual environment that is active, or that lies in the project; else the one bootjack runs on."""
    environments = [os.environ.get("VIRTUAL_ENV"), str(directory / ".venv")]
    for environment in filter(None, environments):
        python = Path(environment) / "bin" / "python3"
        if os.access(python, os.X_OK):
            return python
    return Path(sys.executable)
