"""L3: whether files are where the runtime looks for them."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

from bootjack_layers.rules import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootjack_layers.source import Layer, Listed

    from . import Target

__all__ = ["bootstraps", "packages"]

_HEAD_BYTES = 256
# AWS's own tutorial starts a bootstrap with #!/bin/sh, so a provided image has that much.
_PROMISED = re.compile(r"/bin/(ba)?sh|/usr/bin/(env (ba)?sh|(ba)?sh)")
_VERSIONED = re.compile(r"(python)/lib/python(3\.\d+)/|(nodejs)/node(\d+)/|(ruby)/gems/(\d+\.\d+)\.")
_PACKAGE = re.compile(r"([^/]+\.(dist-info|egg-info)|site-packages)/")


def bootstraps(layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    """Check the bootstrap that the runtime will start, and the extensions."""
    holders = [layer for layer in layers if "bootstrap" in layer.files]
    if target.image.provided and not holders and all(layer.root is not None for layer in layers):
        yield from _missing(layers, target)
    for layer in layers:
        for name, entry in sorted(layer.files.items()):
            extension = name.startswith("extensions/") and name.count("/") == 1
            if (extension or name == "bootstrap") and entry.kind == stat.S_IFREG and not _executable(entry):
                yield Finding("L302", layer.label, name, "is not executable: chmod 755 it before you pack it")
    for layer in holders:
        if layer.root is not None:
            yield from _startable(layer, layers, target)


def _missing(layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    for layer in layers:
        for name in sorted(layer.files):
            if re.fullmatch(r"[^/]+/bootstrap", name) and not name.startswith(("bin/", "lib/", "python/")):
                message = "is one directory too deep: pack the content of the directory, not the directory"
                yield Finding("L301", layer.label, name, message)
                return
    message = f"have no bootstrap, which {target.image.runtime} starts: add one, unless the function has its own"
    yield Finding("L301", "all layers", "", message)


def _executable(entry: Listed) -> bool:
    return entry.mode is not None and entry.mode & 0o111 == 0o111


def _startable(layer: Layer, layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    assert layer.root is not None
    path = layer.root / "bootstrap"
    if not path.is_file():
        message = "is not a file, and does not link to one: make it a program or a script"
        yield Finding("L303", layer.label, "bootstrap", message)
        return
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(b"\x7fELF"):
        return
    first = head.partition(b"\n")[0]
    if not first.startswith(b"#!"):
        message = "is neither a program nor a script: start the script with #! and its interpreter"
        yield Finding("L303", layer.label, "bootstrap", message)
    elif first.endswith(b"\r"):
        message = "has CRLF line endings, so the interpreter's name ends with a carriage return: use LF"
        yield Finding("L303", layer.label, "bootstrap", message)
    else:
        yield from _interpreter(layer, first[2:].decode(errors="replace").strip(), layers, target)


def _interpreter(layer: Layer, line: str, layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    program, _, rest = line.partition(" ")
    if program.startswith("/opt/"):
        if not any(other.has(program.removeprefix("/opt/")) for other in layers):
            yield Finding("L304", layer.label, "bootstrap", f"needs {program}, which is in none of the layers")
        return
    own = target.image.language and f"{program} {rest}".strip().rpartition("/")[2].startswith(target.image.language)
    if not _PROMISED.fullmatch(f"{program} {rest}".split(" -")[0].strip()) and not own:
        message = f"needs {line}, which {target.image.runtime} may not have: add it to a layer"
        hint = ", for example by `layer build --with-python`" if "python" in line else ""
        yield Finding("L304", layer.label, "bootstrap", message + hint)


def packages(layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    """Check that a language runtime will find the libraries."""
    for layer in layers:
        at_top = sorted({found[1] for name in layer.files if (found := _PACKAGE.match(name))})
        if at_top:
            message = "is at the top level, which is not on Python's import path: move it into python/"
            yield Finding("L305", layer.label, at_top[0], message)
        yield from _versions(layer, target)
        searched = target.image.search_paths
        if target.image.language and layer.files and not at_top and not any(map(layer.has, searched)):
            places = ", ".join(f"{place}/" for place in searched)
            message = f"has nothing where {target.image.runtime} looks ({places}): only code that names /opt finds it"
            yield Finding("L307", layer.label, "", message)


def _versions(layer: Layer, target: Target) -> Iterator[Finding]:
    seen = {tuple(filter(None, found.groups())) for name in layer.files if (found := _VERSIONED.match(name))}
    for language, version in sorted(seen):
        if target.image.language == language and target.image.version != version:
            message = f"is for {language} {version}, so {target.image.runtime} does not look there: move it"
            yield Finding("L306", layer.label, f"{language}/", message)
