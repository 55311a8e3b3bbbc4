"""`bootjack functions remove`: delete functions of a running server."""

from __future__ import annotations

import click

from .functions import Service, server_options
from .verb import Verb

__all__ = ["command"]


@click.command(
    cls=Verb,
    arguments=(("NAME...", "The functions, by name or ARN; NAME:VERSION for one version only."),),
    examples=("bootjack functions remove orders billing", "bootjack functions remove orders:3"),
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@server_options
def command(names: tuple[str, ...], url: str, region: str | None) -> None:
    """Delete functions with all of their versions; invocations that run may finish."""
    service = Service(url, region)
    for name in names:
        service.ask("DELETE", name)
        click.echo(f"removed {name}")
