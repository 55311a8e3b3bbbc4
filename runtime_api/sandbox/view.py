"""What a function sees: which of the host's files appear where inside, decided before anything is mounted."""

from __future__ import annotations

import errno
import os
import stat
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from .entrypoint import BOOTSTRAP
from .interpreters import command_files, interpreter_of, needed_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .bwrap import Argument
    from .entrypoint import Program

__all__ = ["OPT", "OWN_PLACES", "TASK", "View", "check_paths", "mount_arguments", "view_of"]

TASK = "/var/task"
OPT = "/opt"
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
    "/etc/hosts",
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
SETTINGS_OF = ("java*", "python3*", "php", "node*", "ruby*")  # languages' own, below /etc
BASH = "/usr/bin/bash"
SH = "/usr/bin/sh"


class View(NamedTuple):
    """The host's folders and files that are visible, read-only, and where: the function's own, and others."""

    own: tuple[tuple[str, str], ...]  # path outside, path inside: the code and the layers
    others: tuple[str, ...]  # at their own paths, a folder before what lies in it

    def inside(self, path: str | os.PathLike[str]) -> str:
        """The path of a host file inside, whether or not it is visible there."""
        return _moved(os.fspath(path), self.own)

    def outside(self, path: str) -> str:
        """The host path of a file inside."""
        return _moved(path, [(inside, outside) for outside, inside in self.own])

    def shows(self, path: str) -> bool:
        """Whether the host's file at this path, if there is one, is visible inside."""
        return any(_lies_in(path, root) for root in (*SYSTEM, *self.others, *(inside for _, inside in self.own)))


def check_paths(program: Program) -> None:
    """OSError for a path that no system call takes."""
    for path in map(str, (program.task_root, *program.layers, *program.mounts)):
        if not _is_usable(path):
            reason = f"{path!r} cannot be a path, because of a NUL character or a lone surrogate in it: rename it"
            raise OSError(errno.EINVAL, reason)


def view_of(program: Program, own_interpreter: Iterable[Path] = ()) -> View:
    """Decide what a program's sandbox shows, from the files as they are now.

    Besides the code and the layers (merged by now: a program has one at most) that is what its command, its
    bootstrap's interpreter and `own_interpreter` need, and the user's --mount paths.
    """
    own = [(str(program.task_root), TASK), *((str(layer), OPT) for layer in program.layers)]
    programs = [Path(program.command[0])] if program.command else []
    beside = program.task_root / BOOTSTRAP  # a command may well start it
    programs += [place for place in (*program.places, beside) if os.path.isfile(place)][:1]  # noqa: PTH113 - never raises
    needed = [path for found in programs for path in (*needed_by(found), *_chain(found))]
    needed = [path for path in needed if path not in programs or _moved(str(path), own) == str(path)]
    needed += [*command_files(program.command), *own_interpreter, *program.mounts]
    others: list[str] = []
    for path in sorted({str(path) for path in needed}):
        if not any(_lies_in(path, root) for root in (*SYSTEM, *others)):
            others.append(path)
    return View(tuple(own), tuple(others))


def _chain(program: Path) -> Iterator[Path]:
    """What a script's interpreter needs, and the interpreter of that one if it is a script too."""
    for _ in range(4):  # the kernel's own limit (BINPRM_MAX_RECURSION of older kernels)
        interpreter = interpreter_of(program)
        if interpreter is None:
            return
        yield from needed_by(interpreter)
        program = interpreter


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
        arguments += _placed(outside, inside, view.others, made)
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
    if os.path.islink(outside):  # noqa: PTH114
        yield from ("--symlink", os.readlink(outside), inside)  # noqa: PTH115
    elif not any(path != inside and _lies_in(path, inside) for path in others) or not os.path.isdir(outside):  # noqa: PTH112
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


def _lies_in(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def _moved(path: str, places: Iterable[tuple[str, str]]) -> str:
    for source, target in places:
        if _lies_in(path, source):
            return target + path[len(source.rstrip("/")) :]
    return path
