"""`bootjack layer`: the group of layer verbs. The package bootjack_layers does the work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import click

from .options import fail, give_up
from .root import Verbs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PLACE", "architecture", "command", "explain", "printable", "read_image", "target_options"]


class LayerVerbs(Verbs):
    """The verbs of this group."""

    verbs: ClassVar = {
        "build": "Build a layer from our bootstrap, libraries, a Python or any directory.",
        "check": "Find what will fail on Lambda before you deploy it.",
        "merge": "Merge layers into the content of /opt.",
        "publish": "Publish a layer, unless its newest version has the same content.",
    }
    prefix = "layer_"


class Place(click.Path):
    """A file or directory. An empty name, from an unset shell variable, is refused: it would mean this directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("is empty: name a file or a directory", param, ctx)
        return super().convert(value, param, ctx)


PLACE = Place(path_type=Path)


@click.group(cls=LayerVerbs)
def command() -> None:
    """Build, check, merge and publish layers: archives that become /opt."""


def target_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Add the options for the target of a layer."""
    runtime = click.option(
        "--runtime",
        default="provided.al2023",
        show_default=True,
        metavar="NAME",
        help="Target runtime, by its identifier in Lambda's API.",
    )
    arch = click.option(
        "--arch",
        type=click.Choice(["x86_64", "arm64"]),
        default=None,
        help="Target architecture. [default: this machine's]",
    )
    return runtime(arch(verb))


def explain(error: Exception) -> NoReturn:
    """Print the error and exit with code 2."""
    give_up(str(error))


def printable(text: str) -> str:
    """The text on one line, without control characters: file names may contain line breaks and escape sequences."""
    return text if text.isprintable() else repr(text)[1:-1]


def architecture(given: str | None) -> str:
    """The given architecture, or this machine's."""
    import platform

    from bootjack_layers.images import ARCHITECTURES, machine_of

    arch = given or machine_of(platform.machine())
    if arch not in ARCHITECTURES:
        fail(f"Lambda has no architecture {arch}: add --arch x86_64 or --arch arm64")
    return arch


def read_image(name: str) -> Any:
    """The image of a runtime; an unknown runtime is a usage error."""
    from bootjack_layers.errors import LayerError
    from bootjack_layers.images import find_image

    try:
        return find_image(name)
    except LayerError as error:
        fail(str(error))
