"""What a function sees: which of the host's files appear where inside, decided before anything is mounted."""

from __future__ import annotations

import errno
import os
import stat
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.sandbox.entrypoint import find_bootstrap, find_extensions
from runtime_api.sandbox.locales import locale_arguments

from .following import KERNELS_OWN, OPT, TASK, Ground, follow, lies_in
from .interpreters import interpreter_of
from .needs import (
    SCRIPTS,
    LeftOut,
    Passed,
    Shown,
    needs_of_argument,
    needs_of_mount,
    needs_of_program,
    printable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from runtime_api.sandbox.bubblewrap.bwrap import Argument
    from runtime_api.sandbox.entrypoint import Program

    from .following import Trail
    from .needs import Need

__all__ = ["OPT", "OWN_PLACES", "TASK", "View", "check_paths", "hidden_program", "mount_arguments", "view_of"]

# Files in these may be shown at their own paths, but none of these as a whole: the sandbox has its own.
OWN_PLACES = frozenset({"/", "/dev", "/etc", OPT, "/proc", "/tmp", "/var", "/var/runtime", TASK})
ETC = Path(__file__).with_name("etc")  # users and groups as on Lambda

# The system's programs and libraries, and the files of /etc that they need: nothing about this machine's users.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
SETTINGS = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/crypto-policies",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/perl",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/openssl.cnf",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/terminfo",
)
ALWAYS = tuple(f"{path}/" for path in (*SYSTEM, *SETTINGS))
SETTINGS_OF = ("java*", "python3*", "php", "node*", "ruby*")  # languages' own, below /etc
BASH = "/usr/bin/bash"
SH = "/usr/bin/sh"


Places = tuple[tuple[str, str], ...]  # path outside, path inside


class View(NamedTuple):
    """The host's folders and files that are visible, read-only, and where: the function's own, and others."""

    own: Places  # the code and the layers
    others: tuple[str, ...]  # at their own paths, none in another one
    folders: tuple[str, ...] = ()  # that are empty inside: only a path leads through them
    left_out: tuple[LeftOut, ...] = ()  # what the function may look for

    def inside(self, path: str | os.PathLike[str]) -> str:
        """The path of a host file inside, whether or not it is visible there."""
        return _moved(os.fspath(path), self.own)

    def outside(self, path: str) -> str:
        """The host path of a file inside."""
        return _moved(path, [(inside, outside) for outside, inside in self.own])

    def shows(self, path: str) -> bool:
        """Whether the host's file at this path, if there is one, is visible inside."""
        shown = (*self.others, *_insides(self.own))
        return f"{path}/".startswith(ALWAYS) or any(lies_in(path, root) for root in shown)


def hidden_program(path: str, view: View) -> str | None:
    """Why the program at this path inside cannot be executed, if it or an interpreter is on the host and not inside.

    The kernel would say "no such file", and name the script.
    """
    ground, named_by = ground_of(view.own), path
    for _ in range(SCRIPTS):
        trail = follow(os.path.join(TASK, path), ground, trusted=False)  # noqa: PTH118
        if trail.end is None:
            return _leads_nowhere(trail, ground)
        hidden = next((place for place in (*trail.links, trail.end) if not view.shows(place)), None)
        if hidden is not None:
            return str(LeftOut(hidden, named_by, os.access(trail.host, os.X_OK)))
        interpreter = interpreter_of(Path(trail.host))
        if interpreter is None:
            break
        path, named_by = str(interpreter), trail.end
    return None


def _leads_nowhere(trail: Trail, ground: Ground) -> str | None:
    """What to say of the function's own link to nothing; nothing where the function may have put something since."""
    may_be_there = any(lies_in(trail.host, place) for place in ("/tmp", *KERNELS_OWN))
    if may_be_there or not trail.links or not ground.holds(ground.host(trail.links[-1])):
        return None
    missing, link = printable(trail.host), printable(trail.links[-1])
    return f"{link} is a link to {missing}, which is not in the sandbox: put the file itself in its place"


def check_paths(program: Program) -> None:
    """OSError for a path that no system call takes."""
    for path in map(str, (program.task_root, *program.layers, *program.mounts)):
        if not _is_usable(path):
            reason = f"{path!r} cannot be a path, because of a NUL character or a lone surrogate in it: rename it"
            raise OSError(errno.EINVAL, reason)


def view_of(program: Program, own_interpreter: Iterable[Path] = ()) -> View:
    """Decide what a program's sandbox shows, from the files as they are now.

    Besides the code and the layers (merged by now: a program has one at most) that is what the command or bootstrap
    which will be executed needs (`needs.py`), `own_interpreter`, and the user's --mount paths.
    """
    own = ((str(program.task_root), TASK), *((str(layer), OPT) for layer in program.layers))
    ground = ground_of(own)
    needs = list(_needs(program, own, ground, own_interpreter))
    others: list[str] = []
    for path in sorted({need.path for need in needs if isinstance(need, Shown)} - OWN_PLACES):
        placed = any(lies_in(path, outside) and outside == inside for outside, inside in ground.own)
        if not (placed or f"{path}/".startswith(ALWAYS) or any(lies_in(path, root) for root in others)):
            others.append(path)
    passed = sorted({need.path for need in needs if isinstance(need, Passed)} - OWN_PLACES)
    folders = tuple(path for path in passed if not any(lies_in(path, x) or lies_in(x, path) for x in others))
    left_out = dict.fromkeys(need for need in needs if isinstance(need, LeftOut))
    return View(
        own, tuple(others), folders, tuple(x for x in left_out if not any(lies_in(x.path, y) for y in others))
    )


def _needs(program: Program, own: Places, ground: Ground, own_interpreter: Iterable[Path]) -> Iterator[Need]:
    if program.command:
        path = _moved(program.command[0], own)
        yield from needs_of_program(path, ground, named_by="the command", trusted=True)
        for argument in program.command[1:]:
            if argument.startswith("/"):
                yield from needs_of_argument(argument, ground)
    elif bootstrap := _bootstrap(program.places):
        path = _moved(str(bootstrap), own)
        yield from needs_of_program(path, ground, named_by=path, trusted=False)
    for extension in find_extensions(program).values():
        path = _moved(str(extension), own)
        yield from needs_of_program(path, ground, named_by=path, trusted=False)
    for mount in (*own_interpreter, *program.mounts):
        yield from needs_of_mount(str(mount), ground)


def _bootstrap(places: tuple[Path, ...]) -> Path | None:
    """The bootstrap, unless it lies where this user may not look: its start will say so."""
    try:
        return find_bootstrap(places)
    except OSError:
        return None


def ground_of(own: Places) -> Ground:
    """What is visible inside in any case."""
    return Ground(tuple((os.path.realpath(outside), inside) for outside, inside in own), ALWAYS)


def mount_arguments(view: View, tmp_bytes: int, made_files: Mapping[str, bytes] | None = None) -> list[Argument]:
    """bwrap's arguments that build the file system, with files of /etc that are made for this sandbox.

    A Path stands for a descriptor of that file, bytes for one of a file with this content.
    """
    arguments: list[Argument] = [*_host()]
    for path, content in (made_files or {}).items():
        arguments += ["--perms", "0444", "--file", content, path]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    arguments += ["--size", str(tmp_bytes), "--perms", "1777", "--tmpfs", "/tmp"]
    made = {"/", "/tmp", "/proc", "/dev", "/etc", *SYSTEM}
    for directory in ("/var/runtime", OPT, TASK):
        arguments += _directories(directory, made)
    for outside, inside in view.own:
        arguments += _placed(os.path.realpath(outside), inside, (*view.others, *view.folders), made)
    for folder in view.folders:
        arguments += _directories(folder, made)
    for path in view.others:
        arguments += _directories(os.path.dirname(path), made)  # noqa: PTH120
        arguments += _shown(path)
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/"]


@cache
def _host() -> tuple[str | Path, ...]:
    """What every sandbox shows of this machine; looked up once, since that takes a millisecond."""
    return (*_system(), *_settings())


def _system() -> Iterator[str]:
    for root in SYSTEM:
        yield from _shown(root)
    if Path(BASH).exists() and not os.path.samefile(BASH, SH) and _stays_in_usr(SH):  # noqa: PTH121
        yield from ("--ro-bind", BASH, SH)  # /bin/sh is bash, as on Amazon Linux
    yield from locale_arguments()


def _stays_in_usr(path: str) -> bool:
    """Whether bwrap, which follows a link from the host's root, finds the same file."""
    try:
        return not os.readlink(path).startswith("/")  # noqa: PTH115
    except OSError:
        return Path(path).exists()


def _settings() -> Iterator[str | Path]:
    """Copy files of /etc: for each mount bwrap reads the kernel's whole list of mounts again, 4 ms for 25 files."""
    yield from ("--perms", "0755", "--dir", "/etc")
    yield from ("--perms", "0444", "--file", ETC / "passwd", "/etc/passwd")
    yield from ("--perms", "0444", "--file", ETC / "group", "/etc/group")
    made = {"/", "/etc"}
    found = (str(path) for pattern in SETTINGS_OF for path in Path("/etc").glob(pattern))
    for path in (*SETTINGS, *found):
        real = os.path.realpath(path)
        if os.access(real, os.R_OK):
            yield from _directories(os.path.dirname(path), made)  # noqa: PTH120
            yield from (("--ro-bind", real) if os.path.isdir(real) else ("--perms", "0444", "--file", Path(real)))  # noqa: PTH112
            yield path


def _placed(outside: str, inside: str, others: Sequence[str], made: set[str]) -> Iterator[str]:
    """Bind a folder; entry by entry if a file of the host belongs among them.

    Take an interpreter in /opt/tools beside a layer at /opt: nothing can be created in a folder that is bound.
    """
    is_link = os.path.islink(outside)  # noqa: PTH114
    among = next((path for path in others if path != inside and lies_in(path, inside)), None)
    if among and (is_link or not os.path.isdir(outside)):  # noqa: PTH112
        # bwrap would follow the link, before the function's files are all that there is.
        raise OSError(errno.ENOTDIR, f"{inside} in the code or a layer hides {among} of this machine: rename it")
    if is_link:
        yield from ("--symlink", os.readlink(outside), inside)  # noqa: PTH115
    elif not among:
        yield from ("--ro-bind", outside, inside)
    else:
        yield from _directories(inside, made)
        for name in sorted(os.listdir(outside)):  # noqa: PTH208
            yield from _placed(f"{outside}/{name}", f"{inside}/{name}", others, made)


def _shown(path: str) -> list[str]:
    """A file or folder at its own path; a link as a link."""
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            return ["--symlink", os.readlink(path), path]  # noqa: PTH115
    except OSError:
        return []
    return ["--ro-bind", path, path]


def _directories(path: str, made: set[str]) -> list[str]:
    """Make a directory and its parents, open to every user: bwrap by itself makes them 0700."""
    arguments = []
    for directory in (*reversed(PurePosixPath(path).parents), PurePosixPath(path)):
        if str(directory) not in made:
            made.add(str(directory))
            arguments += ["--perms", "0755", "--dir", str(directory)]
    return arguments


def _is_usable(path: str) -> bool:
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _insides(own: Places) -> Iterator[str]:
    return (inside for _, inside in own)


def _moved(path: str, places: Iterable[tuple[str, str]]) -> str:
    for source, target in places:
        if lies_in(path, source):
            return target + path[len(source.rstrip("/")) :]
    return path
