"""`bootjack layer`: the group of verbs about layers; `layers` does the work, and knows nothing of runtime_api."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import click

from .options import fail
from .root import Verbs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PLACE", "architecture", "command", "explain", "printable", "read_image", "target_options"]


class LayerVerbs(Verbs):
    """The verbs of this group."""

    verbs: ClassVar = {
        "build": "Make a layer: our bootstrap, libraries, a Python, or any directory.",
        "check": "Find what will not work on Lambda, before Lambda does.",
        "merge": "Make what Lambda puts into /opt of several layers.",
        "publish": "Publish a layer, unless its newest version is the same.",
    }
    prefix = "layer_"


class Place(click.Path):
    """A file or directory; an empty name is a variable of the shell's that is not set, not this directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("is empty: name a file or a directory", param, ctx)
        return super().convert(value, param, ctx)


PLACE = Place(path_type=Path)


@click.group(cls=LayerVerbs)
def command() -> None:
    """Build, check, merge and publish layers: archives that become /opt."""


def target_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options that say what a layer is for."""
    runtime = click.option(
        "--runtime",
        default="provided.al2023",
        show_default=True,
        metavar="NAME",
        help="The runtime that it is for, as in Lambda's API.",
    )
    arch = click.option(
        "--arch",
        type=click.Choice(["x86_64", "arm64"]),
        default=None,
        help="The architecture that it is for. [default: this machine's]",
    )
    return runtime(arch(verb))


def explain(error: Exception) -> NoReturn:
    """End with what is wrong, exit code 2."""
    fail(str(error))


def printable(text: str) -> str:
    """A name that stays on its line: what a file is called may hold line breaks and a terminal's commands."""
    return text if text.isprintable() else repr(text)[1:-1]


def architecture(given: str | None) -> str:
    """The architecture asked for, or this machine's."""
    import platform

    from bootjack_layers.images import ARCHITECTURES, machine_of

    arch = given or machine_of(platform.machine())
    if arch not in ARCHITECTURES:
        fail(f"Lambda has no {arch}: name --arch x86_64 or arm64")
    return arch


def read_image(name: str) -> Any:
    """The image of a runtime."""
    from bootjack_layers.errors import LayerError
    from bootjack_layers.images import find_image

    try:
        return find_image(name)
    except LayerError as error:
        explain(error)
