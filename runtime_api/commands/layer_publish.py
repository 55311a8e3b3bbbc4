"""`bootjack layer publish`: publish a layer version if its content is new."""

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
@click.option("--name", required=True, type=LAYER, help="Name of the layer.")
@click.option("--description", default="", help="Description, up to 256 characters.")
@click.option(
    "--license", "license_info", default="", help="License, up to 512 characters: an SPDX identifier or a URL."
)
@click.option("--runtime", "runtimes", multiple=True, metavar="NAME", help="Compatible runtime (repeatable).")
@click.option(
    "--arch",
    "archs",
    multiple=True,
    type=click.Choice(["x86_64", "arm64"]),
    help="Compatible architecture (repeatable).",
)
@click.option("--region", type=REGION, default=None, help="AWS region. [default: as boto3 determines it]")
@click.option("--endpoint-url", metavar="URL", default=None, help="Send requests to this URL instead of AWS.")
@click.option("--force", is_flag=True, help="Publish even if the newest version has the same content.")
def command(
    archive: Path, name: str, region: str | None, endpoint_url: str | None, force: bool, **given: Any
) -> None:
    """Publish a layer and print the ARN of the version.

    If the newest version of that name has the same content, print its ARN and publish nothing.
    """
    from bootjack_layers.errors import LayerError
    from bootjack_layers.limits import DESCRIPTION, LICENSE, RUNTIMES
    from bootjack_layers.publish import Publication, client, publish

    for runtime in given["runtimes"]:
        read_image(runtime)
    if len(given["runtimes"]) > RUNTIMES:
        fail(f"--runtime: a layer version can name at most {RUNTIMES} runtimes")
    for option, text, most in (
        ("description", given["description"], DESCRIPTION),
        ("license", given["license_info"], LICENSE),
    ):
        if len(text) > most:
            fail(f"--{option}: has {len(text)} characters, over {most}: shorten it")
    if not archive.exists():
        fail(f"{archive}: no such file")
    if not archive.is_file():
        fail(f"{archive} is {'a directory: build a .zip from it first' if archive.is_dir() else 'not a file'}")
    wanted = Publication(
        archive, name, given["description"], given["license_info"], given["runtimes"], given["archs"], force
    )
    try:
        published = publish(client(endpoint_url, region), wanted)
    except LayerError as error:
        explain(error)
    if not published.new:
        click.echo("bootjack: unchanged, so not published again (use --force to publish it anyway)", err=True)
    click.echo(published.arn)
