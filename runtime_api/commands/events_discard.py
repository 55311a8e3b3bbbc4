"""`bootjack events discard`: delete events that wait or were given up, of a running server."""

from __future__ import annotations

import click

from .events import EventService, server_options
from .options import Whole
from .verb import Verb

__all__ = ["command"]

MOST_NUMBER = 10**18 - 1


@click.command(
    cls=Verb,
    arguments=(("NUMBER...", "The events, as `bootjack events` numbers them."),),
    examples=("bootjack events discard 17 18",),
)
@click.argument("numbers", nargs=-1, required=True, type=Whole("NUMBER", 1, MOST_NUMBER), metavar="NUMBER...")
@server_options
def command(numbers: tuple[int, ...], url: str, region: str | None) -> None:
    """Delete events that wait or were given up; those that run cannot be stopped."""
    service = EventService(url, region)
    for number in numbers:
        service.change("DELETE", f"/{number}")
        click.echo(f"event {number} discarded")
