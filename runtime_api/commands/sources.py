"""The functions that are named on a command line, before they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from .function import command_behind_dashes
from .handlers import names_handler
from .options import NAME, fail
from .targets import here, name_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Source", "read_sources"]


class Source(NamedTuple):
    """A function as it was named on the command line."""

    name: str
    target: str | None
    command: tuple[str, ...]
    layers: tuple[Path, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The folders and files that it is made of."""
        by_command = self.command or names_handler(self.target, here())
        code = here() if by_command else (here() / (self.target or ".")).resolve()
        if code.is_file() and code.suffix.lower() != ".zip":
            code = code.parent
        return (code, *((here() / layer).resolve() for layer in self.layers))


def read_sources(targets: tuple[str, ...], layers: tuple[Path, ...], name: str | None) -> list[Source]:
    """What is to be served, in the order given."""
    command = command_behind_dashes()
    if name and len(targets) > 1:
        fail("--name is for a single function: give several as NAME=TARGET")
    named: list[tuple[str | None, str | None]] = [_split(target) for target in targets] or [(None, None)]
    sources = [Source(name or given or name_of(target, command), target, command, layers) for given, target in named]
    names = [source.name for source in sources]
    for twice in {name for name in names if names.count(name) > 1}:
        fail(f"two functions are called {twice}: name them apart, NAME=TARGET")
    return sources


def _split(target: str) -> tuple[str | None, str | None]:
    """NAME and TARGET of an argument; a path that has = in it is told by its slash: ./a=b."""
    name, equals, rest = target.partition("=")
    if not equals or "/" in name:
        return None, target
    try:
        return NAME.convert(name, None, None), rest
    except click.BadParameter as error:
        fail(f"{target}: {error.message}")
