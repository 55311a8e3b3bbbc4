"""`bootjack events dead`: the events of a running server that were given up."""

from __future__ import annotations

import json
from typing import Any

import click

from .events import EventService, listing_options, time_of
from .functions import table
from .verb import Verb

__all__ = ["command"]

HEADS = ("NUMBER", "FUNCTION", "GIVEN UP", "REQUEST ID", "REASON")


@click.command(
    cls=Verb,
    arguments=(("[FUNCTION]", "Only the events of this function, by name or ARN."),),
    examples=("bootjack events dead", "bootjack events dead orders --json"),
)
@listing_options
def command(function: str | None, most: int, as_json: bool, url: str, region: str | None) -> None:
    """List the events that were given up, the latest first: why, and to which queue or destination they were sent.

    The server keeps the last 1,000 with --data, else the last 100.
    """
    events = EventService(url, region).listed("/given-up", function, most)
    click.echo(json.dumps(events, indent=2) if as_json else table([HEADS, *map(_row, events)]))


def _row(event: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(event["number"]),
        event.get("function", "").split(":", 6)[-1],
        time_of(event["givenUp"]),
        event.get("requestId", ""),
        event["reason"],
    )
