"""`bootjack layer merge`: compute the content of /opt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .layer import PLACE, explain, printable
from .options import fail
from .temporary import temporary_folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.command()
@click.argument("layers", metavar="ZIP|DIR...", nargs=-1, required=True, type=PLACE)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=PLACE,
    help="Write the content to this directory, which must be new or empty.",
)
@click.option(
    "--explain", "explained", is_flag=True, help="List which layer each file comes from, and which others it hides."
)
def command(layers: tuple[Path, ...], output: Path | None, explained: bool) -> None:
    """Merge layers as Lambda does.

    Name the layers in the order in which the function lists them. Of files with the same name, the last one is kept.
    """
    from bootjack_layers.errors import LayerError
    from bootjack_layers.merge import merge, refuse_links_out, write
    from bootjack_layers.source import open_layer

    if output is None and not explained:
        fail("nothing to do: name -o DIR, --explain, or both")
    try:
        with temporary_folder() as folder:
            opened = [open_layer(layer, folder) for layer in layers]
            placed = merge(opened)
            refuse_links_out(placed)
            if output is not None:
                write(placed, opened, output)
    except LayerError as error:
        explain(error)
    if explained:
        for item in placed:
            hides = f"  (hides the one from {', '.join(layer.label for layer in item.hides)})" if item.hides else ""
            click.echo(printable(f"/opt/{item.name}  {item.layer.label}{hides}"))
