"""What a function sees: which of the host's files stand where inside, decided before anything is mounted."""

from __future__ import annotations

import os
import stat
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from .entrypoint import BOOTSTRAP
from .interpreters import command_files, interpreter_of, needed_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .entrypoint import Program

__all__ = ["OPT", "OWN_PLACES", "TASK", "View", "mount_arguments", "view_of"]

TASK = "/var/task"
OPT = "/opt"
# What lies in these may be shown at its own path, but none of them whole: the sandbox has them already.
OWN_PLACES = frozenset({"/", "/dev", "/etc", OPT, "/proc", "/tmp", "/var", "/var/runtime", TASK})
ETC = Path(__file__).with_name("etc")  # users and groups as on Lambda

# The system's programs and libraries, and what they need of /etc: nothing that tells of this machine's users.
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
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/terminfo",
)
SETTINGS_OF = ("java*", "python3*", "php", "node*", "ruby*")  # below /etc, of languages
BASH = "/usr/bin/bash"
SH = "/usr/bin/sh"


class View(NamedTuple):
    """The host's folders and files that are visible, read-only, and where: the function's own, and others."""

    own: tuple[tuple[str, str], ...]  # outside, inside: the code and the layers
    others: tuple[str, ...]  # at their own paths, each after those that it lies in

    def inside(self, path: str | os.PathLike[str]) -> str:
        """Where a file of the host stands inside, whether or not it is visible there."""
        return _moved(os.fspath(path), self.own)

    def outside(self, path: str) -> str:
        """Where a file that stands inside is on the host."""
        return _moved(path, [(inside, outside) for outside, inside in self.own])

    def shows(self, path: str) -> bool:
        """Whether there is something of the host's at this place inside, if there is on the host."""
        return any(_lies_in(path, root) for root in (*SYSTEM, *self.others, *(inside for _, inside in self.own)))


def view_of(program: Program, own_interpreter: Iterable[Path] = ()) -> View:
    """What a program's sandbox shows, as things are now.

    Besides the code and the merged layers (a program has one at most here) that is whatever its command, its
    bootstrap's interpreter and `own_interpreter` need, and the user's --mount paths.
    """
    own = [(str(program.task_root), TASK), *((str(layer), OPT) for layer in program.layers)]
    programs = [Path(program.command[0])] if program.command else []
    beside = program.task_root / BOOTSTRAP  # which a command may well start
    programs += [place for place in (*program.places, beside) if place.is_file()][:1]
    needed = [path for found in programs for path in (*needed_by(found), *_chain(found))]
    needed = [path for path in needed if path not in programs or _moved(str(path), own) == str(path)]
    needed += [*command_files(program.command), *own_interpreter, *program.mounts]
    others: list[str] = []
    for path in sorted({str(path) for path in needed}):
        if not any(_lies_in(path, root) for root in (*SYSTEM, *others)):
            others.append(path)
    return View(tuple(own), tuple(others))


def _chain(program: Path) -> Iterator[Path]:
    """What a script's interpreter needs, and that one's, should it be a script itself."""
    for _ in range(4):  # as far as the kernel goes
        interpreter = interpreter_of(program)
        if interpreter is None:
            return
        yield from needed_by(interpreter)
        program = interpreter


def mount_arguments(view: View, tmp_bytes: int) -> list[str | Path]:
    """bwrap's arguments that build the file system; for a Path a descriptor of that file is to be put."""
    arguments: list[str | Path] = [*_host()]
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
    """What every sandbox has of this machine: looked for once, since it takes a millisecond."""
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
    """Files of /etc are copied: bwrap reads the kernel's whole list of mounts anew for each one that it makes."""
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
    """Bind a folder; entry by entry where something of the host's has its place among them.

    An interpreter in /opt/tools, say, beside a layer: nothing could be made in a folder that is bound already.
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
    """Make a directory and those it lies in, open to everybody: bwrap itself would close them."""
    arguments = []
    for directory in (*reversed(PurePosixPath(path).parents), PurePosixPath(path)):
        if str(directory) not in made:
            made.add(str(directory))
            arguments += ["--perms", "0755", "--dir", str(directory)]
    return arguments


def _lies_in(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def _moved(path: str, places: Iterable[tuple[str, str]]) -> str:
    for source, target in places:
        if _lies_in(path, source):
            return target + path[len(source.rstrip("/")) :]
    return path
