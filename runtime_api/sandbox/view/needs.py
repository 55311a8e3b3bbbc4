"""Judges which files of this machine a program may and must see in order to run.

What the user names (a command and its arguments) is shown. What the function's own files name is the choice of the
function's author, who may be after the user's files: a link, a first line, pyvenv.cfg and .pth files open nothing but
installations of languages, and compiled programs with the libraries that they are linked with.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.sandbox.entrypoint import BOOTSTRAP

from .elf import read_elf
from .following import TASK, Ground, follow, lies_in
from .interpreters import interpreter_of
from .languages import PROGRAM_FOLDERS, PYTHON, Installation, installation_at, installations_around, is_too_wide
from .libraries import libraries
from .reading import read_start
from .virtual_environments import home_of, listed_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .following import Trail

__all__ = [
    "SCRIPTS",
    "LeftOut",
    "Need",
    "Passed",
    "Shown",
    "needs_of_argument",
    "needs_of_mount",
    "needs_of_program",
    "printable",
]

SCRIPTS = 5  # a script, the script that it runs on, and so on (BINPRM_MAX_RECURSION of older kernels)
MOST_ENVIRONMENTS = 8


class Shown(NamedTuple):
    """A file, a folder with all that is in it, or a link, at its own path."""

    path: str


class Passed(NamedTuple):
    """A folder that has to be there, empty, since a path leads through it and back by `..`."""

    path: str


class LeftOut(NamedTuple):
    """Something that is named, exists, and is not shown."""

    path: str
    named_by: str
    is_usable: bool = True  # False: what is meant to be executed cannot be

    def __str__(self) -> str:
        """One line that says what the user can do."""
        path = printable(self.path)
        remedy = f"show it with --mount {shlex.quote(path)}" if self.is_usable else "it is no program"
        return f"{path} is not visible in the sandbox: {remedy}; {printable(self.named_by)} leads to it"


def printable(path: str) -> str:
    """The path on one line of a log, whatever is in it."""
    return path if path.isprintable() else ascii(path)[1:-1]


Need = Shown | Passed | LeftOut


def needs_of_program(path: str, ground: Ground, *, named_by: str, trusted: bool) -> Iterator[Need]:
    """What a program at this path inside needs, and the interpreters of scripts with it.

    `trusted` tells whether the user named it; `named_by` tells what did.
    """
    for _ in range(SCRIPTS):
        trail = follow(os.path.join(TASK, path), ground, trusted=trusted)  # noqa: PTH118
        if trail.end is None:
            return
        around = _installations(trail, ground)
        runs = os.access(trail.host, os.X_OK)
        elf = None if _is_open(trail, ground, around) else read_elf(trail.host)
        is_script = runs and read_start(trail.host, 2) == b"#!"
        is_chosen = runs and (trail.trusted or (is_script and os.path.basename(trail.host) == BOOTSTRAP))  # noqa: PTH119
        if not (_is_open(trail, ground, around) or (runs and elf) or is_chosen):
            yield LeftOut(trail.end, named_by, is_script)
            return
        yield from (need for each in around for need in _needs_of_installation(each, trail.trusted, ground))
        yield from (need for each in around for need in _python_behind(each, around, ground))
        yield from _at_the_end(trail, ground)
        yield from (need for library in libraries(trail.host, elf, ground) for need in _at_the_end(library, ground))
        interpreter = interpreter_of(Path(trail.host))
        if interpreter is None:
            return
        path, named_by, trusted = str(interpreter), trail.end, trail.trusted


def needs_of_argument(path: str, ground: Ground) -> Iterator[Need]:
    """A file or folder that the user's command names, unless the function's own files make it mean another one."""
    trail = follow(path, ground, trusted=True)
    if trail.end is None or is_too_wide(trail.end):
        return
    if trail.trusted or ground.holds(trail.host):
        yield from _at_the_end(trail, ground)
    elif os.path.isfile(trail.host) and os.access(trail.host, os.X_OK):  # noqa: PTH113
        yield from needs_of_program(path, ground, named_by=path, trusted=False)
    elif not ground.shows(trail.end):
        yield LeftOut(trail.end, path)


def needs_of_mount(path: str, ground: Ground) -> Iterator[Need]:
    """A file or folder of the host that the user has asked for, unless a link of the function's own is on the way."""
    trail = follow(path, Ground(), trusted=True, barred=())
    if trail.end is None:
        return
    if any(ground.holds(link) for link in trail.links) and not ground.holds(trail.end):
        yield LeftOut(trail.end, path)
    else:
        yield from _at_the_end(trail, Ground(system=ground.system))


def _at_the_end(trail: Trail, ground: Ground) -> Iterator[Need]:
    """The links and folders on the way, and the end itself unless it is visible anyway."""
    yield from (Shown(link) for link in trail.links if not ground.shows(link))
    yield from (Passed(folder) for folder in trail.folders if not ground.shows(folder))
    if trail.end is not None and not ground.shows(trail.end):
        yield Shown(trail.end)


def _is_open(trail: Trail, ground: Ground, around: list[Installation]) -> bool:
    """Whether a program may be seen wherever it is."""
    end = trail.end or ""
    return ground.shows(end) or ground.holds(trail.host) or any(each.covers(end) for each in around)


def _installations(trail: Trail, ground: Ground) -> list[Installation]:
    """The installations that the program and the links to it belong to: python in a virtual environment is a link."""
    found: dict[str, Installation] = {}
    for stop in filter(None, (*trail.links, trail.end)):
        host = ground.host(stop)
        if ground.holds(host):
            around = _in_own_files(stop, host, ground)
        else:
            around = None if ground.shows(stop) else next(installations_around(host, ground), None)
        if around is not None and len(found) < MOST_ENVIRONMENTS:
            found.setdefault(around.prefix, around)
    return list(found.values())


def _in_own_files(stop: str, host: str, ground: Ground) -> Installation | None:
    """An installation among the function's files, if its files may name one another by their paths outside."""
    folder, prefix = os.path.dirname(host), os.path.dirname(os.path.dirname(host))  # noqa: PTH120
    if os.path.basename(folder) not in PROGRAM_FOLDERS or not ground.holds(prefix):  # noqa: PTH119
        return None
    if stop == host or os.path.isfile(f"{prefix}/pyvenv.cfg"):  # noqa: PTH113
        return Installation("", prefix, (prefix,))
    return None


def _needs_of_installation(installation: Installation, trusted: bool, ground: Ground) -> Iterator[Need]:
    prefix = installation.prefix
    if ground.holds(prefix):
        yield Shown(prefix)
    yield from _parts(installation, ground)
    for file, folder in listed_folders(prefix):
        yield from _needs_of_listed(folder, file, ground, trusted=trusted and not ground.holds(prefix))


def _parts(installation: Installation, ground: Ground) -> Iterator[Need]:
    for part in installation.parts:
        trail = follow(part, ground, trusted=True)
        if trail.trusted and trail.end is not None and lies_in(trail.end, installation.prefix):
            yield from _at_the_end(trail, ground)


def _python_behind(environment: Installation, known: list[Installation], ground: Ground) -> Iterator[Need]:
    """The Python that a virtual environment was made with, unless its program has led there already."""
    home = home_of(environment.prefix)
    trail = follow(home, ground, trusted=True) if home else None
    if trail is None or trail.end is None or ground.shows(trail.end):
        return
    prefix = os.path.dirname(trail.end)  # noqa: PTH120
    if any(each.prefix == prefix for each in known):
        return
    python = installation_at(prefix, ground) if os.path.basename(trail.end) in PROGRAM_FOLDERS else None  # noqa: PTH119
    if ground.holds(trail.host):
        yield Shown(prefix if ground.holds(prefix) else trail.end)
    elif python is not None and python.language == PYTHON:
        yield from _at_the_end(trail._replace(end=None), ground)
        yield from _parts(python, ground)
    else:
        yield LeftOut(trail.end, f"{environment.prefix}/pyvenv.cfg")


def _needs_of_listed(folder: str, file: str, ground: Ground, *, trusted: bool) -> Iterator[Need]:
    """A folder that a .pth file names: another installation's packages, or any other if the user chose the file."""
    trail = follow(folder, ground, trusted=trusted)
    if trail.end is None or ground.shows(trail.end) or not os.path.isdir(trail.host):  # noqa: PTH112
        return
    chosen = trail.trusted and not is_too_wide(trail.end)
    if chosen or ground.holds(trail.host) or _is_of_python(trail.end, ground):
        yield from _at_the_end(trail, ground)
    else:
        yield LeftOut(trail.end, file)


def _is_of_python(folder: str, ground: Ground) -> bool:
    """Whether this is where a Python installation keeps packages."""
    around = next(installations_around(folder, ground), None)
    packages = os.path.basename(folder) in ("site-packages", "dist-packages")  # noqa: PTH119
    return packages and around is not None and around.language == PYTHON
