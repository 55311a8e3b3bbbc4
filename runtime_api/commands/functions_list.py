"""`bootjack functions list`: the functions of a running server."""

from __future__ import annotations

import json
from typing import Any

import click

from .functions import Service, server_options, table
from .verb import Verb

__all__ = ["command"]

HEADS = ("NAME", "RUNTIME", "HANDLER", "MEMORY", "TIMEOUT", "MODIFIED")


@click.command(cls=Verb, examples=("bootjack functions list", "bootjack functions list --region eu-west-1 --json"))
@click.option("--json", "as_json", is_flag=True, help="Print the configurations as a JSON array.")
@server_options
def command(as_json: bool, url: str, region: str | None) -> None:
    """List functions with what they are configured to."""
    functions = list(Service(url, region).pages("/", "Functions"))
    click.echo(json.dumps(functions, indent=2) if as_json else table([HEADS, *map(_row, functions)]))


def _row(function: dict[str, Any]) -> tuple[str, ...]:
    return (
        function["FunctionName"],
        function.get("Runtime", ""),
        function.get("Handler", ""),
        f"{function['MemorySize']} MB",
        f"{function['Timeout']} s",
        function["LastModified"].partition(".")[0],
    )
