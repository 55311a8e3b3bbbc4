"""A layer from what it shall hold: a directory is filled step by step, and packed.

Order of the steps: the user's own files, libraries by pip, the bootstrap, an interpreter, what all of that links to,
bytecode. Where two of them bring the same file the build refuses, since one of them would silently be lost.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .bundle import HOME, PLACE, bundle, link_libraries, refuse_newer
from .bytecode import CACHE, Kind, compile_tree, drop_bytecode
from .errors import LayerError
from .interpreter import Interpreter, ask, find
from .libraries import binaries
from .pack import entries_of
from .wheels import install, platforms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .images import Image
    from .pack import Packed

__all__ = ["Order", "Step", "filling", "weights"]

LIBRARIES = "python"  # where Python runtimes, and our bootstrap, look for packages
BOOTSTRAP = "bootstrap"
PACKAGE = "bootjack_bootstrap"
_SHOWN = 5  # names that a note lists


@dataclass(frozen=True)
class Order:
    """What a layer shall be made of, and for which machine."""

    image: Image
    arch: str
    content: Path | None = None
    without: Path | None = None  # a file in content that is left out: the archive of the last time
    bootstrap: bool = False
    requirements: tuple[Path, ...] = ()
    packages: tuple[str, ...] = ()
    version: str | None = None  # of Python, as 3.12
    python: Path | None = None  # the interpreter to bundle, or to compile with
    with_python: bool = False
    own_libc: bool = False
    bytecode: Kind | None = "unchecked"


class Step(NamedTuple):
    """What is being done, or (`note`) what whoever ordered it should know."""

    text: str
    note: bool = False


def filling(order: Order, stage: Path) -> Iterator[Step]:
    """Fill the empty directory `stage`; tells each step before it is done."""
    for file in order.requirements:
        if not file.is_file():
            raise LayerError(f"--requirements {file}: {'no file' if file.exists() else 'no such file'}")
    bundled = _bundled(order)
    version = _version(order, bundled)
    if order.content:
        yield Step(f"copying {order.content}")
        _copy(order.content, stage, order.without)
    if order.requirements or order.packages:
        tags = platforms(order.arch, bundled.glibc if bundled and order.own_libc else order.image.glibc)
        yield Step(f"installing libraries for Python {version} on {tags[0]}")
        _install(order, stage, version, tags)
    if order.bootstrap:
        yield Step("adding the bootstrap")
        _add_bootstrap(stage, bundled)
    if bundled:
        yield Step(f"bundling Python {bundled.release}")
        if (stage / HOME).exists():
            raise LayerError(f"{order.content} has a {HOME}/ of its own, where Python goes: rename it")
        yield from (Step(note, note=True) for note in bundle(stage, bundled, order.image, own_libc=order.own_libc))
        link_libraries(stage, bundled, own_libc=order.own_libc)
    if not order.own_libc:
        refuse_newer(binaries(stage), order.image)
    yield Step("making bytecode")
    yield from (Step(note, note=True) for note in _compile(order, stage, version, bundled))


def _bundled(order: Order) -> Interpreter | None:
    """The interpreter that shall go into the layer, if it can."""
    if not order.with_python:
        if order.own_libc:
            raise LayerError("--bundle-libc goes with --with-python: only a program of the layer's own can use it")
        return None
    found = ask(order.python or Path(sys.executable))
    if found.machine != order.arch:
        raise LayerError(
            f"{found.executable} is for {found.machine}: build for {order.arch} on such a machine, or with an "
            "interpreter from one"
        )
    if order.version and order.version != found.dotted:
        raise LayerError(
            f"{found.executable} is Python {found.dotted}, not {order.version}: name another by --python"
        )
    return found


def _version(order: Order, bundled: Interpreter | None) -> str:
    """The Python that the layer's libraries are for."""
    if bundled:
        return bundled.dotted
    if order.version:
        return order.version
    if order.image.language == "python":
        return order.image.version
    return ask(order.python).dotted if order.python else f"{sys.version_info[0]}.{sys.version_info[1]}"


def _copy(content: Path, stage: Path, without: Path | None) -> None:
    if not content.is_dir():
        raise LayerError(f"{content} is no directory")
    for entry in entries_of(content):
        target = stage / entry.name
        if without and entry.path.resolve() == without.resolve():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISDIR(entry.mode):
            target.mkdir(exist_ok=True)
        elif stat.S_ISLNK(entry.mode):
            target.symlink_to(entry.path.readlink())
        else:
            try:
                shutil.copyfile(entry.path, target)
            except OSError as error:
                raise LayerError(f"{entry.path}: {(error.strerror or 'cannot be read').lower()}") from error
            target.chmod(stat.S_IMODE(entry.mode))


def _install(order: Order, stage: Path, version: str, tags: list[str]) -> None:
    target = stage / LIBRARIES
    before = set(os.listdir(target)) if target.is_dir() else set()  # noqa: PTH208
    fresh = stage / f".{LIBRARIES}"
    install(fresh, order.requirements, order.packages, version, tags)
    target.mkdir(exist_ok=True)
    for child in sorted(fresh.iterdir()):
        if child.name in before:
            raise LayerError(f"{LIBRARIES}/{child.name} is in {order.content} and among the libraries: keep one")
        child.rename(target / child.name)
    fresh.rmdir()


def _add_bootstrap(stage: Path, bundled: Interpreter | None) -> None:
    """Our bootstrap's own files; with an interpreter of the layer's own it names that, and no shell looks for it."""
    source = _package_directory()
    executable = stage / BOOTSTRAP
    package = stage / LIBRARIES / PACKAGE
    if executable.exists() or package.exists():
        raise LayerError("there is a bootstrap among the files already: leave that out, or --bootstrap")
    lines = (source / BOOTSTRAP).read_text(encoding="utf-8").partition("\n")
    first = f"#!{PLACE}/bin/{bundled.name} -IS" if bundled else lines[0]
    executable.write_text(f"{first}\n{lines[2]}", encoding="utf-8")
    executable.chmod(0o755)
    for entry in entries_of(source):
        if CACHE not in entry.name.split("/") and entry.name != BOOTSTRAP:
            copy = package / entry.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(entry.path, copy)


def _package_directory() -> Path:
    """The folder of the installed bootstrap, whose files are copied as data."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise LayerError(f"the package {PACKAGE} is not installed: pip install bootjack")
    return Path(found.origin).parent


def _compile(order: Order, stage: Path, version: str, bundled: Interpreter | None) -> Iterator[str]:
    drop_bytecode(stage)
    sources = sorted(
        str(path.relative_to(stage)) for path in stage.rglob("*.py") if path.is_file() and not path.is_symlink()
    )
    sources = [name for name in sources if _meant_for(name, version)]
    if not sources or order.bytecode is None:
        return
    if not _decided(order):
        yield "no bytecode: which Python will run this is not known; say it with --python-version or --runtime"
        return
    compiler = bundled or find(version, order.python or Path(sys.executable))
    if compiler is None:
        yield (
            f"no bytecode: there is no Python {version} here to make it with, so every cold start will; install one, "
            "or name it with --python"
        )
        return
    failed = compile_tree(stage, sources, "/opt", compiler, order.bytecode)
    if failed:
        shown = ", ".join(failed[:_SHOWN]) + (", ..." if len(failed) > _SHOWN else "")
        yield f"{len(failed)} files are no Python {version} and have no bytecode: {shown}"


def _decided(order: Order) -> bool:
    """Whether it is certain which Python will run the layer: libraries of pip's are for one."""
    named = order.version or order.python or order.requirements or order.packages
    return bool(order.with_python or named or order.image.language == "python")


def _meant_for(name: str, version: str) -> bool:
    """Whether a source is for this version: python/lib/python3.9/... is for another."""
    parts = name.split("/")
    named = [part for part in parts[:-1] if part.startswith("python3.")]
    return not named or parts[0] == HOME or named[0] == f"python{version}"


def weights(packed: Iterable[Packed]) -> list[tuple[str, int, int, int]]:
    """What weighs what: group, files, bytes unzipped and zipped; the heaviest first."""
    groups: dict[str, tuple[int, int, int]] = {}
    for item in packed:
        parts = item.name.split("/")
        deep = 2 if parts[0] == LIBRARIES and len(parts) > 2 else 1
        group = "/".join(parts[:deep]) + ("/" if len(parts) > deep else "")
        files, unzipped, zipped = groups.get(group, (0, 0, 0))
        groups[group] = files + 1, unzipped + item.unzipped, zipped + item.zipped
    return sorted(((group, *total) for group, total in groups.items()), key=lambda row: (-row[2], row[0]))
