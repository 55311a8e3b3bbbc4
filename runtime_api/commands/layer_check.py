"""`bootjack layer check`: the linter."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

from .layer import PLACE, architecture, explain, printable, read_image, target_options

__all__ = ["command"]


@click.command()
@click.argument("layers", metavar="ZIP|DIR...", nargs=-1, required=True, type=PLACE)
@target_options
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@click.option(
    "--schema",
    "as_schema",
    is_flag=True,
    is_eager=True,
    callback=lambda *given: _schema(*given),
    help="Print the JSON Schema of --json, and end.",
)
@click.option("--strict", is_flag=True, help="Exit 1 for warnings, too.")
def command(
    layers: tuple[Path, ...], runtime: str, arch: str | None, as_json: bool, as_schema: bool, strict: bool
) -> None:
    """Check layers, in the order in which a function names them, against what Lambda will do with them.

    Exit code: 0 no errors, 1 errors found, 2 usage.
    """
    from bootjack_layers.check import check, lines, report
    from bootjack_layers.checks import Target
    from bootjack_layers.errors import LayerError
    from bootjack_layers.source import open_layer

    target = Target(read_image(runtime), architecture(arch))
    try:
        with tempfile.TemporaryDirectory(prefix="bootjack-") as folder:
            opened = [open_layer(layer, Path(folder)) for layer in layers]
            findings = check(opened, target)
            told = report(opened, target, findings)
    except LayerError as error:
        explain(error)
    counts = dict.fromkeys(("error", "warning", "note"), 0)
    for finding in findings:
        counts[finding.severity] += 1
    if as_json:
        click.echo(json.dumps(told, indent=2))
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
