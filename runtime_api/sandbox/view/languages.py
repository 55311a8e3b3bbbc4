"""Recognises the installation of a language by what lies in its folder, and says which parts of it a program needs.

To run, an interpreter needs its library, which is not far: that of `P/bin/python` is in `P/lib/python3.12`. But P may
be somebody's ~/.local or project as well; so P as a whole is shown only if it holds nothing but the installation.
"""

from __future__ import annotations

import os
import re
from fnmatch import translate
from functools import cache
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .following import follow, lies_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .following import Ground

__all__ = ["PROGRAM_FOLDERS", "PYTHON", "Installation", "installation_at", "installations_around", "is_too_wide"]


class Language(NamedTuple):
    """What tells an installation from any other folder. All patterns are below the installation's folder."""

    name: str
    evidence: tuple[tuple[str, ...], ...]  # any of these; each is one if all of its patterns match
    parts: tuple[str, ...] = ()  # what is needed of a folder that holds other things too
    beside: tuple[str, ...] = ()  # names that are to be expected in a folder which holds nothing else
    alone: bool = False  # such a folder is made by a program for nothing else, whatever lies in it


PYTHON = "Python"
LANGUAGES = (
    # Folders of programs that install languages; the first one is conda's.
    Language(PYTHON, (("conda-meta/history",),), alone=True),
    Language("pyenv and its kind", (("shims", "versions"),), alone=True),
    Language("asdf or mise", (("shims", "installs"),), alone=True),
    Language("Volta", (("bin/volta-shim", "tools/image"),), alone=True),
    # Languages.
    Language(
        PYTHON,
        (("pyvenv.cfg",), ("lib/python3*/os.py",), ("lib64/python3*/os.py",), ("lib/pypy3*/os.py",)),
        ("pyvenv.cfg", "bin/py*", "lib/python3*", "lib64/python3*", "lib/pypy3*", "lib/lib*py*.so*"),
        ("pyvenv.cfg", ".gitignore", ".lock", "CACHEDIR.TAG", "BUILD"),
    ),
    Language(
        "Node.js",
        (("include/node/node.h",), ("lib/node_modules/npm/package.json",)),
        ("bin/node", "bin/npm", "bin/npx", "bin/corepack", "lib/node_modules", "include/node"),
    ),
    Language(
        "Ruby",
        (("lib/ruby/[0-9]*/set.rb",), ("lib/ruby/[0-9]*/set",)),
        ("bin/ruby*", "bin/gem*", "bin/bundle*", "bin/rake", "lib/ruby", "lib/libruby*"),
    ),
    Language(
        "Java",
        (("lib/modules", "release"), ("lib/server/libjvm.so",), ("jre/lib/rt.jar",), ("lib/rt.jar",)),
        (
            *("bin/java", "conf", "jre", "release", "lib/modules", "lib/server", "lib/security", "lib/*.so"),
            *("lib/*.cfg", "lib/*.dat", "lib/*.properties", "lib/*.jar"),
        ),
        ("conf", "demo", "jmods", "jre", "legal", "src.zip", "javafx-src.zip"),
    ),
    Language(
        "Go",
        (("src/runtime/runtime.go",),),
        ("bin/go", "bin/gofmt", "VERSION", "go.env", "lib/time", "pkg", "src"),
        ("PATENTS", "SECURITY.md", "api", "codereview.cfg", "doc", "go.env", "misc", "pkg", "src", "test"),
    ),
    Language("Rust", (("lib/rustlib/components",),), ("bin/cargo", "bin/rust*", "lib/*.so", "lib/rustlib")),
    Language("Perl", (("lib/perl5/5*/strict.pm",), ("lib/5*/strict.pm",)), ("bin/perl*", "lib/perl5", "lib/5*")),
    Language("PHP", (("include/php/main/php.h",),), ("bin/php*", "lib/php", "lib/php.ini"), ("php",)),
    Language("Erlang", (("lib/erlang/releases",),), ("bin/erl*", "bin/escript", "lib/erlang")),
    Language("Elixir", (("lib/elixir/ebin",),), ("bin/e*", "bin/iex", "bin/mix", "lib/e*", "lib/iex", "lib/[lm]*")),
    Language("Julia", (("lib/julia/sys.so",),), ("bin/julia", "etc/julia", "lib/julia", "lib/lib*", "share/julia")),
    Language("R", (("lib/R/library/base",),), ("bin/R", "bin/Rscript", "lib/R")),
)
PROGRAM_FOLDERS = frozenset({"bin", "sbin", "shims", "libexec"})
BELOW = PROGRAM_FOLDERS | {"lib", "lib64"}  # where an installation keeps programs, and what their links lead to
USUAL = (
    *("bin", "etc", "include", "lib", "lib32", "lib64", "libexec", "man", "sbin", "share", "ssl"),
    *("AUTHORS*", "CHANGELOG*", "CONTRIBUTING*", "COPYING*", "LICENSE*", "NOTICE*", "README*", "VERSION", "release"),
)
# No installation has one of these to itself.
TOO_WIDE = frozenset(
    ("/", "/boot", "/dev", "/etc", "/home", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/srv")
) | frozenset(("/sys", "/tmp", "/usr", "/usr/local", "/var", "/var/lib", "/var/tmp", "/Users"))
SHARED = frozenset({".cache", ".config", ".local", "Library"})  # of a home


class Installation(NamedTuple):
    """A language's folder and what is to be shown of it."""

    language: str
    prefix: str
    parts: tuple[str, ...]  # the folder itself, if it holds nothing else

    def covers(self, path: str) -> bool:
        return any(lies_in(path, part) for part in self.parts)


def installations_around(path: str, ground: Ground) -> Iterator[Installation]:
    """The installations that a program, or a link to one, belongs to; the nearest first."""
    folder = path
    while folder != "/":
        name, folder = os.path.basename(folder), os.path.dirname(folder)  # noqa: PTH119, PTH120
        if name in BELOW and folder != "/":
            found = installation_at(folder, ground)
            if found:
                yield found


def installation_at(prefix: str, ground: Ground) -> Installation | None:
    """The installation that this real folder is; None if it is none, or only the function's own files say so."""
    for language in LANGUAGES if prefix != "/" else ():
        if any(all(_matches(prefix, pattern, ground) for pattern in every) for every in language.evidence):
            return Installation(language.name, prefix, _parts(prefix, language))
    return None


def is_too_wide(folder: str) -> bool:
    """Whether this is a home, or holds what has nothing to do with one program."""
    parent, name = os.path.split(folder)
    if folder in TOO_WIDE or parent in ("/home", "/Users") or name in SHARED or lies_in(_home(), folder):
        return True
    return os.path.basename(parent) in SHARED and name == "share"  # noqa: PTH119


def _home() -> str:
    """The user's home; / without HOME for a user that /etc/passwd does not list, as in many containers."""
    try:
        return os.path.realpath(Path.home())
    except (RuntimeError, ValueError):
        return "/"


def _matches(prefix: str, pattern: str, ground: Ground) -> bool:
    """Whether there is such a file, unless the function's author may have put it there.

    A project that lies in ~/private/lib could otherwise make ~/private look like an installation.
    """
    if not os.path.lexists(f"{prefix}/{pattern.partition('*')[0].rpartition('/')[0]}"):
        return False
    names = glob(pattern, root_dir=prefix)  # noqa: PTH207
    trails = (follow(f"{prefix}/{name}", ground, trusted=True) for name in names)
    return any(trail.end is not None and (trail.trusted or ground.holds(prefix)) for trail in trails)


def _parts(prefix: str, language: Language) -> tuple[str, ...]:
    if not is_too_wide(prefix) and (language.alone or _holds_nothing_else(prefix, language)):
        return (prefix,)
    names = (name for part in language.parts for name in sorted(glob(part, root_dir=prefix)))  # noqa: PTH207
    return tuple(f"{prefix}/{name}" for name in names)


def _holds_nothing_else(prefix: str, language: Language) -> bool:
    try:
        names = os.listdir(prefix)  # noqa: PTH208
    except OSError:
        return False
    return all(_usual(language).fullmatch(name) for name in names)


@cache
def _usual(language: Language) -> re.Pattern[str]:
    return re.compile("|".join(translate(name) for name in (*USUAL, *language.beside)))
