"""Build a layer: fill a staging directory step by step, ready to be packed.

The steps, in order: the user's own files, libraries from pip, the bootstrap, an interpreter, the shared libraries
that all of these need, bytecode. If two steps bring the same file, the build fails: one would silently be lost.
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

from .bundle import HOME, PLACE, add_libraries, bundle, refuse_newer_glibc
from .bytecode import CACHE, Kind, compile_tree, drop_bytecode
from .entries import entries_of
from .errors import LayerError, os_reason
from .interpreter import Interpreter, find_python, inspect_python
from .libraries import binaries
from .wheels import install, platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .images import Image

__all__ = ["BuildRequest", "Step", "build_steps"]

LIBRARIES = "python"  # where Python runtimes, and our bootstrap, look for packages
BOOTSTRAP = "bootstrap"
PACKAGE = "bootjack_bootstrap"
OMITTED = {CACHE, "node"}  # of the package: the layer is for Python
_SHOWN = 5  # names that a note lists


@dataclass(frozen=True)
class BuildRequest:
    """What a layer will contain, and the image and architecture that it is for."""

    image: Image
    arch: str
    content: Path | None = None
    exclude: Path | None = None  # a file in content to leave out: the archive of an earlier build
    bootstrap: bool = False
    requirements: tuple[Path, ...] = ()
    packages: tuple[str, ...] = ()
    version: str | None = None  # of Python, such as 3.12
    python: Path | None = None  # the interpreter to bundle, or to compile with
    with_python: bool = False
    with_libc: bool = False
    bytecode: Kind | None = "unchecked"


class Step(NamedTuple):
    """A step that is about to be done, or a note that the user should read."""

    text: str
    note: bool = False


def build_steps(request: BuildRequest, stage: Path) -> Iterator[Step]:
    """Fill the empty directory `stage`; each step is yielded before it is done."""
    for file in request.requirements:
        if not file.is_file():
            raise LayerError(f"--requirements {file}: {'not a file' if file.exists() else 'no such file'}")
    bundled = _bundled(request)
    version = _version(request, bundled)
    if request.content:
        yield Step(f"copying {request.content}")
        _copy(request.content, stage, request.exclude)
    if request.requirements or request.packages:
        tags = platforms(request.arch, bundled.glibc if bundled and request.with_libc else request.image.glibc)
        yield Step(f"installing libraries for Python {version} on {tags[0]}")
        _install(request, stage, version, tags)
    if request.bootstrap:
        yield Step("adding the bootstrap")
        _add_bootstrap(stage, bundled)
    if bundled:
        yield Step(f"bundling Python {bundled.release}")
        yield from (Step(note, note=True) for note in _bundle(request, stage, bundled))
    if not request.with_libc:
        refuse_newer_glibc(binaries(stage), request.image)
    yield Step("compiling bytecode")
    yield from (Step(note, note=True) for note in _compile(request, stage, version, bundled))


def _bundled(request: BuildRequest) -> Interpreter | None:
    """The interpreter to bundle, if one is requested; refuse one that does not fit the request."""
    if not request.with_python:
        if request.with_libc:
            raise LayerError("--bundle-libc needs --with-python: only a bundled Python can use a bundled glibc")
        return None
    found = inspect_python(request.python or Path(sys.executable))
    if found.machine != request.arch:
        raise LayerError(
            f"{found.executable} is for {found.machine}: build for {request.arch} on a machine of that architecture, "
            "or name an interpreter for it with --python"
        )
    if request.version and request.version != found.dotted:
        raise LayerError(
            f"{found.executable} is Python {found.dotted}, not {request.version}: name another with --python"
        )
    return found


def _version(request: BuildRequest, bundled: Interpreter | None) -> str:
    """The Python version that the layer's libraries are for."""
    if bundled:
        return bundled.dotted
    if request.version:
        return request.version
    if request.image.language == "python":
        return request.image.version
    if request.python:
        return inspect_python(request.python).dotted
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def _copy(content: Path, stage: Path, exclude: Path | None) -> None:
    if not content.is_dir():
        raise LayerError(f"{content} is not a directory")
    for entry in entries_of(content):
        target = stage / entry.name
        if exclude and entry.path.resolve() == exclude.resolve():
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
                raise LayerError(f"{entry.path}: {os_reason(error)}") from error
            target.chmod(stat.S_IMODE(entry.mode))


def _install(request: BuildRequest, stage: Path, version: str, tags: list[str]) -> None:
    target = stage / LIBRARIES
    before = set(os.listdir(target)) if target.is_dir() else set()  # noqa: PTH208
    fresh = stage / f".{LIBRARIES}"
    install(fresh, request.requirements, request.packages, version, tags)
    target.mkdir(exist_ok=True)
    for child in sorted(fresh.iterdir()):
        if child.name in before:
            raise LayerError(
                f"{LIBRARIES}/{child.name} is both in {request.content} and among the libraries: keep one"
            )
        child.rename(target / child.name)
    fresh.rmdir()


def _add_bootstrap(stage: Path, bundled: Interpreter | None) -> None:
    """Add our bootstrap; with a bundled interpreter its first line names that one, so no shell has to find it."""
    source = _package_directory()
    executable = stage / BOOTSTRAP
    package = stage / LIBRARIES / PACKAGE
    if executable.exists() or package.exists():
        raise LayerError("the files already contain a bootstrap: leave that out, or omit --bootstrap")
    first, newline, rest = (source / BOOTSTRAP).read_text(encoding="utf-8").partition("\n")
    if bundled:
        first = f"#!{PLACE}/bin/{bundled.name} -IS"
    executable.write_text(f"{first}{newline}{rest}", encoding="utf-8")
    executable.chmod(0o755)
    for entry in entries_of(source):
        if not OMITTED.intersection(entry.name.split("/")) and entry.name != BOOTSTRAP:
            copy = package / entry.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(entry.path, copy)


def _package_directory() -> Path:
    """The directory of the installed bootstrap package, whose files are copied as data."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise LayerError(f"the package {PACKAGE} is not installed: pip install bootjack")
    return Path(found.origin).parent


def _bundle(request: BuildRequest, stage: Path, bundled: Interpreter) -> list[str]:
    if (stage / HOME).exists():
        raise LayerError(f"{request.content} has a {HOME}/ of its own, where the bundled Python goes: rename it")
    notes = bundle(stage, bundled, request.image, with_libc=request.with_libc)
    add_libraries(stage, bundled, with_libc=request.with_libc)
    return notes


def _compile(request: BuildRequest, stage: Path, version: str, bundled: Interpreter | None) -> Iterator[str]:
    drop_bytecode(stage)
    sources = sorted(
        str(path.relative_to(stage)) for path in stage.rglob("*.py") if path.is_file() and not path.is_symlink()
    )
    sources = [name for name in sources if _is_for(name, version)]
    if not sources or request.bytecode is None:
        return
    if not _version_is_certain(request):
        yield "no bytecode, since the Python that will run it is unknown: name it with --python-version or --runtime"
        return
    compiler = bundled or find_python(version, request.python or Path(sys.executable))
    if compiler is None:
        yield (
            f"no bytecode, since there is no Python {version} here to compile it, so every cold start will: "
            "install one, or name it with --python"
        )
        return
    failed = compile_tree(stage, sources, "/opt", compiler, request.bytecode)
    if failed:
        shown = ", ".join(failed[:_SHOWN]) + (", ..." if len(failed) > _SHOWN else "")
        yield f"no bytecode for {len(failed)} files that are not valid Python {version}: {shown}"


def _version_is_certain(request: BuildRequest) -> bool:
    """Whether the Python that will run the layer is known: pip's libraries are for one version only."""
    named = request.version or request.python or request.requirements or request.packages
    return bool(request.with_python or named or request.image.language == "python")


def _is_for(name: str, version: str) -> bool:
    """Whether a source is for this version: python/lib/python3.9/... is for another."""
    parts = name.split("/")
    named = [part for part in parts[:-1] if part.startswith("python3.")]
    return not named or parts[0] == HOME or named[0] == f"python{version}"
