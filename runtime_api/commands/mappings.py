"""`bootjack mappings`: the event source mappings of a running server, and where their reading stands."""

from __future__ import annotations

import json
from typing import Any

import click

from .events import EventService, server_options
from .functions import table
from .option_groups import OPTIONS, options_under
from .verb import Verb

__all__ = ["command"]

HEADS = ("FUNCTION", "SOURCE", "STATE", "STANDING", "LAST RESULT", "UUID")


@click.command(
    cls=Verb,
    arguments=(("[FUNCTION]", "Only the mappings of this function, by name or ARN."),),
    examples=("bootjack mappings", "bootjack mappings orders --json"),
)
@click.argument("function", required=False, metavar="[FUNCTION]")
@options_under(OPTIONS)("--json", "as_json", is_flag=True, help="Print them as a JSON array.")
@server_options
def command(function: str | None, as_json: bool, url: str, region: str | None) -> None:
    """List the event source mappings of a running `bootjack serve`.

    STANDING is how many messages wait in a queue and are in hand, or how far the slowest shard of a stream is behind.
    """
    mappings = EventService(url, region).mappings(function)
    click.echo(json.dumps(mappings, indent=2) if as_json else table([HEADS, *map(_row, mappings)]))


def _row(mapping: dict[str, Any]) -> tuple[str, ...]:
    source = mapping["source"] or "self-managed Kafka"
    return (
        mapping["function"].split(":", 6)[-1],
        source.removeprefix("arn:aws:"),
        mapping["state"],
        _standing(mapping),
        mapping["lastResult"] or "-",
        mapping["uuid"],
    )


def _standing(mapping: dict[str, Any]) -> str:
    if "backlog" in mapping:
        return f"{mapping['backlog']} waiting, {mapping['inHand']} in hand"
    shards = mapping.get("shards")
    if not shards:
        return "-"
    lags = [each["lagMs"] for each in shards if each["lagMs"] is not None]
    behind = f", {max(lags) / 1000:.1f} s behind" if lags else ""
    return f"{len(shards)} shard{'s' * (len(shards) > 1)}{behind}"
