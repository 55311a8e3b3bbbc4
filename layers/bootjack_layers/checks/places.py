"""L3: whether things lie where a runtime looks."""

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

_LOOKED_AT = 256
_PROMISED = re.compile(r"/bin/(ba)?sh|/usr/bin/(env (ba)?sh|(ba)?sh)")  # AWS's own tutorial begins with /bin/sh
_VERSIONED = re.compile(r"(python)/lib/python(3\.\d+)/|(nodejs)/node(\d+)/|(ruby)/gems/(\d+\.\d+)\.")
_PACKAGE = re.compile(r"([^/]+\.(dist-info|egg-info)|site-packages)/")


def bootstraps(layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    """The bootstrap that the runtime would start, and extensions."""
    holders = [layer for layer in layers if "bootstrap" in layer.files]
    if target.image.provided and not holders and all(layer.root is not None for layer in layers):
        yield from _missing(layers, target)
    for layer in layers:
        for name, entry in sorted(layer.files.items()):
            extension = name.startswith("extensions/") and name.count("/") == 1
            if (extension or name == "bootstrap") and entry.kind == stat.S_IFREG and not _executable(entry):
                yield Finding("L302", layer.label, name, "is not executable: chmod 755 it before it is packed")
    for layer in holders:
        if layer.root is not None:
            yield from _startable(layer, layers, target)


def _missing(layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    for layer in layers:
        for name in sorted(layer.files):
            if re.fullmatch(r"[^/]+/bootstrap", name) and not name.startswith(("bin/", "lib/", "python/")):
                message = "is one directory down, and belongs at the top: pack what is in the directory"
                yield Finding("L301", layer.label, name, message)
                return
    message = f"bring no bootstrap, which {target.image.runtime} starts: add one, unless the function has its own"
    yield Finding("L301", "all layers", "", message)


def _executable(entry: Listed) -> bool:
    return entry.mode is not None and entry.mode & 0o111 == 0o111


def _startable(layer: Layer, layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    assert layer.root is not None
    path = layer.root / "bootstrap"
    if not path.is_file():
        yield Finding("L303", layer.label, "bootstrap", "leads to no file: make it a program or a script")
        return
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT)
    if head.startswith(b"\x7fELF"):
        return
    first = head.partition(b"\n")[0]
    if not first.startswith(b"#!"):
        message = "is neither a program nor a script: a script begins with #! and its interpreter"
        yield Finding("L303", layer.label, "bootstrap", message)
    elif first.endswith(b"\r"):
        message = "has CRLF line ends, so its interpreter's name ends with one: make them LF"
        yield Finding("L303", layer.label, "bootstrap", message)
    else:
        yield from _interpreter(layer, first[2:].decode(errors="replace").strip(), layers, target)


def _interpreter(layer: Layer, line: str, layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    program, _, rest = line.partition(" ")
    if program.startswith("/opt/"):
        if not any(other.has(program.removeprefix("/opt/")) for other in layers):
            yield Finding("L304", layer.label, "bootstrap", f"asks for {program}, which none of the layers has")
        return
    own = target.image.language and f"{program} {rest}".strip().rpartition("/")[2].startswith(target.image.language)
    if not _PROMISED.fullmatch(f"{program} {rest}".split(" -")[0].strip()) and not own:
        message = (
            f"asks for {line}, which {target.image.runtime} is not known to have: bring it, say by --with-python"
        )
        yield Finding("L304", layer.label, "bootstrap", message)


def packages(layers: Sequence[Layer], target: Target) -> Iterator[Finding]:
    """Libraries of a language."""
    for layer in layers:
        at_top = sorted({found[1] for name in layer.files if (found := _PACKAGE.match(name))})
        if at_top:
            yield Finding(
                "L305", layer.label, at_top[0], "lies at the top, where no Python looks: move it into python/"
            )
        yield from _versions(layer, target)
        if target.image.language and layer.files and not at_top and not any(map(layer.has, target.image.places)):
            places = ", ".join(f"{place}/" for place in target.image.places)
            message = f"has nothing where {target.image.runtime} looks ({places}): only code that names /opt finds it"
            yield Finding("L307", layer.label, "", message)


def _versions(layer: Layer, target: Target) -> Iterator[Finding]:
    seen = {tuple(filter(None, found.groups())) for name in layer.files if (found := _VERSIONED.match(name))}
    for language, version in sorted(seen):
        if target.image.language == language and target.image.version != version:
            message = f"is for {language} {version}, where {target.image.runtime} does not look: move it"
            yield Finding("L306", layer.label, f"{language}/", message)
