"""The locale that LANG names on Lambda, en_US.UTF-8, where this machine lacks it.

Programs fall back to the locale C there: Perl warns at every start, Ruby takes what it reads for US-ASCII, R writes
<U+65E5>. Minimal systems come with C.utf8 only, which differs in the order of letters and in the words of messages.
"""

from __future__ import annotations

import mmap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from . import Launch

__all__ = ["locale_arguments", "with_locale"]

LOCALES = Path("/usr/lib/locale")
ON_LAMBDA = "en_US.UTF-8"
EN_US, C = "en_US.utf8", "C.utf8"  # as glibc names them in files


@cache
def lacks_en_us(locales: Path = LOCALES) -> bool:
    """Whether C.utf8 can stand in for a locale that is missing."""
    if not (locales / C).is_dir() or (locales / EN_US).is_dir():
        return False
    try:
        with (locales / "locale-archive").open("rb") as archive:
            return mmap.mmap(archive.fileno(), 0, prot=mmap.PROT_READ).find(EN_US.encode()) < 0
    except (OSError, ValueError):  # there is none, or it is empty
        return True


def locale_arguments(locales: Path = LOCALES) -> Iterator[str]:
    """bwrap's arguments that show C.utf8 under the other name as well: one folder of links to the host's."""
    if not lacks_en_us(locales):
        return
    yield from ("--perms", "0755", "--tmpfs", str(locales))
    for entry in sorted(locales.iterdir()):
        yield from ("--ro-bind", str(entry), str(entry))
    yield from ("--symlink", C, str(locales / EN_US), "--remount-ro", str(locales))


def with_locale(launch: Launch, locales: Path = LOCALES) -> Launch:
    """Let a plain process have C.UTF-8, which it sees as the host has it, unless its user has chosen a locale."""
    variables = launch.variables
    chosen = variables.get("LANG") != ON_LAMBDA or any(name.startswith("LC_") for name in variables)
    if chosen or not lacks_en_us(locales):
        return launch
    return launch._replace(variables={**variables, "LC_ALL": "C.UTF-8"})
