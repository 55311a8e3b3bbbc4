"""`bootjack layer build`: an archive that is the same bytes each time."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .layer import PLACE, architecture, explain, read_image, target_options
from .options import Pattern, fail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootjack_layers.build import Order
    from bootjack_layers.pack import Packed

__all__ = ["command"]

VERSION = Pattern("version", r"3\.\d{1,2}", "a Python version such as 3.12")
KINDS = ("unchecked", "checked", "none")


@click.command()
@click.argument("directory", metavar="[DIR]", required=False, type=PLACE)
@click.option("-o", "--output", required=True, metavar="ZIP", type=PLACE, help="The archive.")
@click.option("--bootstrap", is_flag=True, help="Add our Python bootstrap, as /opt/bootstrap.")
@click.option(
    "-r",
    "--requirements",
    multiple=True,
    metavar="FILE",
    type=PLACE,
    help="Add the libraries that a requirements file names, by pip.",
)
@click.option("--package", "packages", multiple=True, metavar="NAME", help="Add a library, by pip.")
@click.option("--with-python", is_flag=True, help="Add a Python, so that the image needs none.")
@click.option(
    "--python",
    metavar="PATH",
    type=PLACE,
    help="The Python to add, or to make bytecode with. [default: the one that runs this]",
)
@click.option("--bundle-libc", is_flag=True, help="Add this machine's C library, where Python needs a newer one.")
@click.option(
    "--python-version",
    type=VERSION,
    metavar="3.X",
    help="The Python that libraries are for. [default: the runtime's]",
)
@click.option(
    "--bytecode",
    type=click.Choice(KINDS),
    default="unchecked",
    show_default=True,
    help="Bytecode by the hash of its source: unchecked is quickest, checked looks at the source each time.",
)
@target_options
def command(output: Path, **options: Any) -> None:
    """Build a layer of all that is named: the files of DIR, libraries, our bootstrap, a Python.

    The same input gives the same bytes. Files are dated 1980, or by SOURCE_DATE_EPOCH.
    """
    from bootjack_layers.build import filling
    from bootjack_layers.errors import LayerError
    from bootjack_layers.pack import entries_of, time_of

    order = _order(output, options)
    try:
        seconds = time_of(os.environ.get("SOURCE_DATE_EPOCH"))
        with tempfile.TemporaryDirectory(prefix="bootjack-") as folder:
            stage = Path(folder) / "opt"
            stage.mkdir()
            for step in filling(order, stage):
                click.echo(f"bootjack: {'note: ' if step.note else ''}{step.text}", err=True)
            packed = _pack(entries_of(stage), output, seconds)
    except LayerError as error:
        explain(error)
    _tell(packed, output)


def _order(output: Path, options: dict[str, Any]) -> Order:
    from bootjack_layers.build import Order

    directory: Path | None = options["directory"]
    made_of = (directory, options["bootstrap"], options["requirements"], options["packages"], options["with_python"])
    if not any(made_of):
        fail("nothing to build: name a DIR, --bootstrap, --requirements, --package or --with-python")
    if directory and not directory.is_dir():
        fail(f"{directory}: no such directory")
    _check_output(output)
    for name in options["packages"]:
        if not re.match(r"[A-Za-z0-9]", name):
            fail(f"--package {name!r} is no library's name")
    kind = options["bytecode"]
    return Order(
        read_image(options["runtime"]),
        architecture(options["arch"]),
        directory,
        output,
        options["bootstrap"],
        options["requirements"],
        options["packages"],
        options["python_version"],
        options["python"],
        options["with_python"],
        options["bundle_libc"],
        None if kind == "none" else kind,
    )


def _check_output(output: Path) -> None:
    """Before the work, which may take minutes."""
    if output.suffix.lower() != ".zip":
        fail(f"-o {output}: name a file that ends in .zip")
    if output.exists() and not output.is_file():
        fail(f"-o {output} is no file: name one that ends in .zip")
    if not output.parent.is_dir():
        fail(f"-o {output}: there is no directory {output.parent}")
    if not os.access(output.parent, os.W_OK | os.X_OK):
        fail(f"-o {output}: permission denied: {output.parent} cannot be written to")


def _pack(entries: Sequence[Any], output: Path, seconds: int) -> list[Packed]:
    from bootjack_layers.pack import packing

    steps = packing(entries, output, seconds)
    if not sys.stderr.isatty():
        return list(steps)
    with click.progressbar(steps, length=len(entries), label="packing", file=sys.stderr) as shown:
        return list(shown)


def _tell(packed: list[Packed], output: Path) -> None:
    """What weighs what, and how that stands to Lambda's limits."""
    from bootjack_layers.build import weights
    from bootjack_layers.limits import UNZIPPED_BYTES, ZIPPED_BYTES

    rows = [(name, f"{files:,}", f"{unzipped:,}", f"{zipped:,}") for name, files, unzipped, zipped in weights(packed)]
    size = output.stat().st_size
    unzipped = sum(item.unzipped for item in packed)
    rows.append((str(output), f"{len(packed):,}", f"{unzipped:,}", f"{size:,}"))
    heads = ("", "files", "bytes", "zipped")
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(4)]
    for row in (heads, *rows):
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join([row[0].ljust(len(first)), *rest]).rstrip())
    shares = (
        f"{size / ZIPPED_BYTES:.1%} of the 50 MB of an upload, {unzipped / UNZIPPED_BYTES:.1%} of 250 MB unzipped"
    )
    click.echo(shares)
