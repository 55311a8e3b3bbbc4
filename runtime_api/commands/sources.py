"""The functions that a command line names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from runtime_api.engine.python_handlers import names_handler

from .options import NAME, fail
from .targets import here, name_of
from .verb import command_behind_dashes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Source", "read_sources"]


class Source(NamedTuple):
    """A function as the command line names it."""

    name: str
    target: str | None
    command: tuple[str, ...]
    layers: tuple[Path, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The directories and archives that the function is made of, for --watch."""
        in_this_directory = self.command or names_handler(self.target, here())
        code = here() if in_this_directory else (here() / (self.target or ".")).resolve()
        if code.is_file() and code.suffix.lower() != ".zip":
            code = code.parent
        return (code, *((here() / layer).resolve() for layer in self.layers))


def read_sources(targets: tuple[str, ...], layers: tuple[Path, ...], name: str | None) -> list[Source]:
    """Read [NAME=]TARGET arguments and the command behind `--`, in the order given; at least one function."""
    command = command_behind_dashes()
    if name and len(targets) > 1:
        fail("--name names a single function; name several of them with NAME=TARGET")
    named: list[tuple[str | None, str | None]] = [_split(target) for target in targets] or [(None, None)]
    sources = [Source(name or given or name_of(target, command), target, command, layers) for given, target in named]
    names = [source.name for source in sources]
    for twice in {name for name in names if names.count(name) > 1}:
        fail(f"two functions are named {twice}; give them different names with NAME=TARGET")
    return sources


def _split(target: str) -> tuple[str | None, str | None]:
    """Split an argument into NAME and TARGET. A slash before the = makes it a path: ./a=b."""
    name, equals, rest = target.partition("=")
    if not equals or "/" in name:
        return None, target
    try:
        return NAME.convert(name, None, None), rest
    except click.BadParameter as error:
        fail(f"{target}: {error.message}")
