"""`bootjack functions show`: one function of a running server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .functions import Service, server_options, table
from .verb import Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["command"]


@click.command(
    cls=Verb,
    arguments=(("NAME", "The function, by name or ARN; NAME:VERSION or NAME:ALIAS for a version."),),
    examples=("bootjack functions show orders", "bootjack functions show orders:live --json"),
)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print what GetFunction answers as a JSON object.")
@server_options
def command(name: str, as_json: bool, url: str, region: str | None) -> None:
    """Show a function's configuration; variables by their names only, since their values may be secrets."""
    document = Service(url, region).ask("GET", name)
    click.echo(json.dumps(document, indent=2) if as_json else table(list(_lines(document))))


def _lines(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    configuration = document["Configuration"]
    yield "Name", configuration["FunctionName"]
    yield "ARN", configuration["FunctionArn"]
    yield "State", configuration.get("State", "")
    yield "Runtime", configuration.get("Runtime", "")
    yield "Handler", configuration.get("Handler", "")
    yield "Memory", f"{configuration['MemorySize']} MB"
    yield "Timeout", f"{configuration['Timeout']} s"
    yield "Code", f"{configuration['CodeSize']:,} bytes"
    yield "Modified", configuration["LastModified"].partition(".")[0]
    for title, found in (
        ("Variables", configuration.get("Environment", {}).get("Variables", {})),
        ("Layers", [layer["Arn"] for layer in configuration.get("Layers", ())]),
        ("Tags", [f"{name}={value}" for name, value in document.get("Tags", {}).items()]),
    ):
        if found:
            yield title, ", ".join(found)
    if "Concurrency" in document:
        yield "Concurrency", f"{document['Concurrency']['ReservedConcurrentExecutions']} reserved"
