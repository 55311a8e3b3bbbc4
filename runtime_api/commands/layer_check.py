"""`bootjack layer check`: lint layers."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from .layer import PLACE, architecture, explain, printable, read_image, target_options
from .temporary import temporary_folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.command()
@click.argument("layers", metavar="ZIP|DIR...", nargs=-1, required=True, type=PLACE)
@target_options
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--schema",
    "as_schema",
    is_flag=True,
    is_eager=True,
    callback=lambda *given: _schema(*given),
    help="Print the JSON Schema of --json and exit.",
)
@click.option("--strict", is_flag=True, help="Exit with code 1 for warnings as well.")
def command(
    layers: tuple[Path, ...], runtime: str, arch: str | None, as_json: bool, as_schema: bool, strict: bool
) -> None:
    """Find problems in layers that would fail on Lambda.

    Name the layers in the order in which the function lists them.

    Exit code: 0 no errors, 1 errors found, 2 usage error.
    """
    from bootjack_layers.check import check, lines, report
    from bootjack_layers.checks import Target
    from bootjack_layers.errors import LayerError
    from bootjack_layers.source import open_layer

    target = Target(read_image(runtime), architecture(arch))
    try:
        with temporary_folder() as folder:
            opened = [open_layer(layer, folder) for layer in layers]
            findings = check(opened, target)
            as_data = report(opened, target, findings)
    except LayerError as error:
        explain(error)
    counts = dict.fromkeys(("error", "warning", "note"), 0)
    for finding in findings:
        counts[finding.severity] += 1
    if as_json:
        click.echo(json.dumps(as_data, indent=2))  # not by orjson: it refuses names that are not UTF-8
    else:
        for line in lines(findings):
            click.echo(printable(line))
        words = [f"{count} {severity}{'s' if count != 1 else ''}" for severity, count in counts.items()]
        click.echo(f"{', '.join(words)} for {runtime} on {target.arch}")
    sys.exit(1 if counts["error"] or (strict and counts["warning"]) else 0)


def _schema(ctx: click.Context, _parameter: click.Parameter, given: bool) -> bool:
    if given:
        from bootjack_layers.check import schema

        click.echo(json.dumps(schema(), indent=2))
        ctx.exit()
    return given
