"""`bootjack layer build`: build a reproducible archive."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from .layer import PLACE, architecture, explain, printable, read_image, target_options
from .options import Pattern, fail
from .temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bootjack_layers.build import BuildRequest
    from bootjack_layers.pack import Packed

__all__ = ["command"]

VERSION = Pattern("version", r"3\.\d{1,2}", "a Python version such as 3.12")
KINDS = ("unchecked", "checked", "none")


class Options(NamedTuple):
    """What the command line says."""

    directory: Path | None
    output: Path
    bootstrap: bool
    requirements: tuple[Path, ...]
    packages: tuple[str, ...]
    with_python: bool
    python: Path | None
    bundle_libc: bool
    python_version: str | None
    bytecode: Literal["unchecked", "checked", "none"]
    runtime: str
    arch: str | None


@click.command()
@click.argument("directory", metavar="[DIR]", required=False, type=PLACE)
@click.option("-o", "--output", required=True, metavar="ZIP", type=PLACE, help="Archive to write.")
@click.option("--bootstrap", is_flag=True, help="Add our Python bootstrap as /opt/bootstrap.")
@click.option(
    "-r",
    "--requirements",
    multiple=True,
    metavar="FILE",
    type=PLACE,
    help="Add the libraries of a requirements file (repeatable).",
)
@click.option(
    "--package", "packages", multiple=True, metavar="NAME", help="Add a library, as pip names it (repeatable)."
)
@click.option("--with-python", is_flag=True, help="Bundle a Python, so that the image needs none.")
@click.option(
    "--python",
    metavar="PATH",
    type=PLACE,
    help="Python to bundle, or to compile bytecode with. [default: the one that runs bootjack]",
)
@click.option(
    "--bundle-libc",
    is_flag=True,
    help="Bundle this machine's glibc as well, for a Python that needs a newer one than the image has.",
)
@click.option(
    "--python-version",
    type=VERSION,
    metavar="3.X",
    help="Python version that libraries are for. [default: the runtime's]",
)
@click.option(
    "--bytecode",
    type=click.Choice(KINDS),
    default="unchecked",
    show_default=True,
    help="How Python validates bytecode: unchecked loads fastest, checked compares the source's hash at each import. "
    "none adds no bytecode.",
)
@target_options
def command(**given: Any) -> None:
    """Build a layer from any of these: the files of DIR, libraries from pip, our bootstrap, a Python.

    The same input gives the same bytes: the time of all files is SOURCE_DATE_EPOCH, or 1980.
    """
    from bootjack_layers.build import build_steps
    from bootjack_layers.entries import entries_of
    from bootjack_layers.errors import LayerError
    from bootjack_layers.pack import time_of

    options = Options(**given)
    output, request = options.output, _request(options)
    try:
        seconds = time_of(os.environ.get("SOURCE_DATE_EPOCH"))
        with temporary_folder() as folder:
            stage = folder / "opt"
            stage.mkdir()
            for step in build_steps(request, stage):
                click.echo(f"bootjack: {'note: ' if step.note else ''}{step.text}", err=True)
            packed = _pack(entries_of(stage), output, seconds)
    except LayerError as error:
        explain(error)
    _print_sizes(packed, output)


def _request(options: Options) -> BuildRequest:
    from bootjack_layers.build import BuildRequest

    directory = options.directory
    if not any((directory, options.bootstrap, options.requirements, options.packages, options.with_python)):
        fail("nothing to build: name a DIR, --bootstrap, --requirements, --package or --with-python")
    if directory and not directory.is_dir():
        fail(f"{directory}: no such directory")
    _check_output(options.output)
    for name in options.packages:
        if not re.match(r"[A-Za-z0-9]", name):
            fail(f"--package {name!r} is not the name of a library")
    return BuildRequest(
        image=read_image(options.runtime),
        arch=architecture(options.arch),
        content=directory,
        exclude=options.output,
        bootstrap=options.bootstrap,
        requirements=options.requirements,
        packages=options.packages,
        version=options.python_version,
        python=options.python,
        with_python=options.with_python,
        with_libc=options.bundle_libc,
        bytecode=None if options.bytecode == "none" else options.bytecode,
    )


def _check_output(output: Path) -> None:
    """Check the output before the build, which may take minutes."""
    if output.suffix.lower() != ".zip":
        fail(f"-o {output}: name a file that ends in .zip")
    if output.exists() and not output.is_file():
        fail(f"-o {output} is not a file: name one that ends in .zip")
    if not output.parent.is_dir():
        fail(f"-o {output}: there is no directory {output.parent}")
    if not os.access(output.parent, os.W_OK | os.X_OK):
        fail(f"-o {output}: permission denied: {output.parent} is not writable")


def _pack(entries: Sequence[Any], output: Path, seconds: int) -> list[Packed]:
    from bootjack_layers.pack import packing

    steps = packing(entries, output, seconds)
    if not sys.stderr.isatty():
        return list(steps)
    with click.progressbar(steps, length=len(entries), label="packing", file=sys.stderr) as shown:
        return list(shown)


def _print_sizes(packed: list[Packed], output: Path) -> None:
    """Print a table of what weighs how much, and the share of Lambda's limits."""
    from bootjack_layers.limits import UNZIPPED_BYTES, ZIPPED_BYTES
    from bootjack_layers.summary import Group, summarize

    size = output.stat().st_size
    unzipped = sum(item.unzipped for item in packed)
    groups = [*summarize(packed), Group(str(output), len(packed), unzipped, size)]
    rows = [("", "files", "bytes", "zipped")]
    rows += [(name, f"{files:,}", f"{unpacked:,}", f"{zipped:,}") for name, files, unpacked, zipped in groups]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *figures in rows:
        cells = [figure.rjust(width) for figure, width in zip(figures, widths[1:], strict=True)]
        click.echo(printable("  ".join([name.ljust(widths[0]), *cells]).rstrip()))
    share, unzipped_share = size / ZIPPED_BYTES, unzipped / UNZIPPED_BYTES
    click.echo(f"{share:.1%} of the 50 MB of a direct upload, {unzipped_share:.1%} of 250 MB unzipped")
