"""What a Python virtual environment points to: the Python it was made with, and the folders that .pth files name."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from .reading import read_start

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["home_of", "listed_folders"]

FILE_BYTES = 1 << 16
MOST_FILES = 64
MOST_LINES = 128  # of all .pth files together


def home_of(environment: str) -> str | None:
    """The folder of the Python that a virtual environment was made with, as pyvenv.cfg names it (PEP 405)."""
    for line in _lines(f"{environment}/pyvenv.cfg"):
        key, _, value = line.partition("=")
        if key.strip().lower() == "home" and value.strip().startswith("/"):
            return value.strip()
    return None


def listed_folders(environment: str) -> Iterator[tuple[str, str]]:
    """The folders that .pth files add to sys.path, each after the file that does it; as `site.addpackage` reads them.

    Lines that are code are not run, so what they would add is not found.
    """
    found = [(file, line) for file in _path_files(environment) for line in _lines(file)]
    for file, line in found[:MOST_LINES]:
        if line.strip() and not line.startswith(("#", "import ", "import\t")):
            yield file, os.path.join(os.path.dirname(file), line.rstrip())  # noqa: PTH118, PTH120


def _path_files(environment: str) -> list[str]:
    folders = [
        f"{environment}/lib/{name}/site-packages"
        for name in _names(f"{environment}/lib")
        if fnmatch(name, "python3*") or fnmatch(name, "pypy3*")
    ]
    files = [f"{folder}/{name}" for folder in folders for name in _names(folder) if name.endswith(".pth")]
    return files[:MOST_FILES]


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []


def _lines(path: str) -> list[str]:
    text = read_start(path, FILE_BYTES).decode("utf-8", "surrogateescape")
    return [line for line in text.replace("\r", "\n").split("\n") if "\0" not in line]
