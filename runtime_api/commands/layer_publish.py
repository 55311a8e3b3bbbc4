"""`bootjack layer publish`: a new version, if there is something new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .layer import PLACE, explain, read_image
from .options import REGION, Pattern, fail

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]

LAYER = Pattern("name", r"[a-zA-Z0-9_-]{1,140}", "a layer's name: up to 140 letters, digits, - and _")


@click.command()
@click.argument("archive", metavar="ZIP", type=PLACE)
@click.option("--name", required=True, type=LAYER, help="The layer's name.")
@click.option("--description", default="", help="Up to 256 characters.")
@click.option("--license", "license_info", default="", help="Up to 512 characters: an SPDX identifier, or a URL.")
@click.option("--runtime", "runtimes", multiple=True, metavar="NAME", help="A compatible runtime (repeatable).")
@click.option(
    "--arch", "archs", multiple=True, type=click.Choice(["x86_64", "arm64"]), help="A compatible architecture."
)
@click.option("--region", type=REGION, default=None, help="[default: as boto3 finds it]")
@click.option("--endpoint-url", metavar="URL", default=None, help="Another Lambda than AWS's.")
@click.option("--force", is_flag=True, help="Publish, even if the newest version is the same.")
def command(archive: Path, name: str, region: str | None, endpoint_url: str | None, force: bool, **told: Any) -> None:
    """Publish a layer, and print the ARN of its version.

    When the newest version of that name holds the same bytes, nothing is published, and its ARN is printed.
    """
    from bootjack_layers.errors import LayerError
    from bootjack_layers.limits import DESCRIPTION, LICENSE, RUNTIMES
    from bootjack_layers.publish import Publication, client, publish

    for runtime in told["runtimes"]:
        read_image(runtime)
    if len(told["runtimes"]) > RUNTIMES:
        fail(f"--runtime: a version names at most {RUNTIMES}")
    for option, text, most in (
        ("description", told["description"], DESCRIPTION),
        ("license", told["license_info"], LICENSE),
    ):
        if len(text) > most:
            fail(f"--{option}: has {len(text)} characters, over {most}")
    if not archive.exists():
        fail(f"{archive}: no such file")
    if not archive.is_file():
        fail(f"{archive} is {'a directory: build a .zip of it first' if archive.is_dir() else 'no file'}")
    wanted = Publication(
        archive, name, told["description"], told["license_info"], told["runtimes"], told["archs"], force
    )
    try:
        published = publish(client(endpoint_url, region), wanted)
    except LayerError as error:
        explain(error)
    if not published.new:
        click.echo("bootjack: unchanged, so not published again (--force does)", err=True)
    click.echo(published.arn)
