"""`bootjack init`: a working runtime in a new directory."""

from __future__ import annotations

import os
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from .options import fail, give_up
from .verb import Verb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

__all__ = ["command"]

TEMPLATES = "templates"
LANGUAGES = ("c", "go", "node", "python", "rust", "shell")
RENAMED = {"gitignore": ".gitignore"}  # or it would hold back files of bootjack's own
EXECUTABLE = ("bootstrap", "build.sh")
NAME = "@NAME@"  # in a template: the name of the directory, as packages may be named


class File(NamedTuple):
    """A file to be written."""

    path: Path
    text: str

    @property
    def mode(self) -> int:
        """Its permissions, of which the umask takes away."""
        return 0o777 if self.path.name in EXECUTABLE else 0o666


@click.command(
    cls=Verb,
    usage="LANGUAGE [DIR]",
    arguments=(
        ("LANGUAGE", f"{', '.join(LANGUAGES[:-1])} or {LANGUAGES[-1]}."),
        ("[DIR]", "Where to write it; made if it is not there.  [default: LANGUAGE-runtime]"),
    ),
    examples=(
        "bootjack init shell",
        "bootjack init rust my-runtime && cd my-runtime && ./build.sh && bootjack invoke",
    ),
)
@click.argument("language", type=click.Choice(LANGUAGES, case_sensitive=False))
@click.argument("directory", required=False, type=click.Path(path_type=Path))
def command(language: str, directory: Path | None) -> None:
    """Write a Lambda runtime with a function, ready to run; no file is overwritten."""
    language = language.lower()
    directory = directory or Path(f"{language}-runtime")
    written = _files(language, directory)
    there = [str(file.path) for file in written if os.path.lexists(file.path)]
    if there:
        fail(f"{', '.join(there)}: there already, and nothing is overwritten; give another DIR")
    try:
        for file in written:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            _write(file)
    except OSError as error:
        give_up(f"{error.filename}: {(error.strerror or str(error)).lower()}")
    names = ", ".join(str(file.path.relative_to(directory)) for file in written)
    click.echo(f"bootjack: {directory} has {names}", err=True)
    build = "./build.sh && " if any(file.path.name == "build.sh" for file in written) else ""
    click.echo(f"bootjack: run it with: cd {directory} && {build}bootjack invoke", err=True)


def _files(language: str, directory: Path) -> list[File]:
    name = re.sub(r"[^a-z0-9]+", "-", directory.absolute().name.lower()).strip("-")
    name = name if name[:1].isalpha() else f"runtime-{name}".rstrip("-")
    root = files("runtime_api.commands") / TEMPLATES / language
    return sorted(
        File(directory / place.with_name(RENAMED.get(place.name, place.name)), text.replace(NAME, name))
        for place, text in _walk(root, Path())
    )


def _walk(folder: Traversable, below: Path) -> Iterator[tuple[Path, str]]:
    for each in folder.iterdir():
        if each.is_dir() and each.name != "__pycache__":
            yield from _walk(each, below / each.name)
        elif each.is_file():
            yield below / each.name, each.read_text("utf-8")


def _write(file: File) -> None:
    descriptor = os.open(file.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(file.text)
