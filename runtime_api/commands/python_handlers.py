"""Finds the handlers in Python files, for a user who has named the files and not yet a handler."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PythonHandler", "handler_in", "handler_near"]

# The names of AWS's templates and of most projects, and then the alphabet.
_MODULES = ("lambda_function", "app", "main", "handler", "index", "function")
_FUNCTIONS = ("lambda_handler", "handler", "handle", "main")
MOST_FILES = 50
MOST_BYTES = 1 << 20
_ARGUMENTS = 2  # the event and the context


class PythonHandler(NamedTuple):
    """A function that could be a handler."""

    file: Path
    function: str

    @property
    def target(self) -> str:
        """How TARGET names it, in the file's directory."""
        return f"{self.file.stem}.{self.function}"


def handler_near(directory: Path) -> PythonHandler | None:
    """Find the likeliest handler in the Python files of a directory."""
    try:
        files = sorted(directory.glob("*.py"), key=lambda file: (_rank(file.stem, _MODULES), file.name))
    except OSError:  # no permission to look
        return None
    return next(filter(None, map(handler_in, files[:MOST_FILES])), None)


def handler_in(file: Path) -> PythonHandler | None:
    """Find the likeliest handler in a Python file; the file is read, not run."""
    try:
        if not file.is_file() or file.stat().st_size > MOST_BYTES:
            return None
        body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _fits(node)]
    name = min(names, key=lambda name: _rank(name, _FUNCTIONS), default=None)
    return None if name is None else PythonHandler(file, name)


def _fits(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    given = function.args
    most = len(given.posonlyargs) + len(given.args)
    needed = most - len(given.defaults)
    takes_both = needed <= _ARGUMENTS and (most >= _ARGUMENTS or given.vararg is not None)
    return takes_both and None not in given.kw_defaults and not function.name.startswith("_")


def _rank(name: str, known: tuple[str, ...]) -> int:
    return known.index(name) if name in known else len(known)
