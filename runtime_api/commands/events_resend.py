"""`bootjack events resend`: run events that were given up once more, of a running server."""

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
    examples=("bootjack events resend 17 18",),
)
@click.argument("numbers", nargs=-1, required=True, type=Whole("NUMBER", 1, MOST_NUMBER), metavar="NUMBER...")
@server_options
def command(numbers: tuple[int, ...], url: str, region: str | None) -> None:
    """Run events that were given up once more, as if they had been accepted now."""
    service = EventService(url, region)
    for number in numbers:
        service.change("POST", f"/{number}/resend")
        click.echo(f"event {number} runs again")
