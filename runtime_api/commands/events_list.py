"""`bootjack events list`: the events of a running server that wait or run."""

from __future__ import annotations

import json
from typing import Any

import click

from .events import EventService, listing_options, time_of
from .functions import table
from .verb import Verb

__all__ = ["command"]

HEADS = ("NUMBER", "FUNCTION", "STATE", "DUE", "FAILED", "REQUEST ID", "LAST ERROR")


@click.command(
    cls=Verb,
    arguments=(("[FUNCTION]", "Only the events of this function, by name or ARN."),),
    examples=("bootjack events", "bootjack events list orders --json"),
)
@listing_options
def command(function: str | None, most: int, as_json: bool, url: str, region: str | None) -> None:
    """List the events that wait or run, in the order in which they are due.

    The events that the function has answered successfully are not kept.
    """
    events = EventService(url, region).listed("", function, most)
    click.echo(json.dumps(events, indent=2) if as_json else table([HEADS, *map(_row, events)]))


def _row(event: dict[str, Any]) -> tuple[str, ...]:
    state = f"{event['state']}, to deliver" if event["deliveries"] else event["state"]
    return (
        str(event["number"]),
        event["function"].split(":", 6)[-1],
        state,
        time_of(event["due"]),
        f"{event['attempts']} times",
        event["requestId"],
        event["lastError"],
    )
