"""Runs `bootjack` as an ordinary user, if the tests themselves run as root."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.e2e.running import BOOTJACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["NUMBER", "User", "ordinary_user"]

NUMBER = 65_533  # a user that owns nothing
ROOT = Path(__file__).resolve().parents[2]

# In a mount namespace of its own, makes folders visible that lie where only root may look, and becomes the user. It
# adds no process: what was started becomes bootjack.
OPENED = """
stage=$1 user=$2; shift 2
number=0
for folder; do
    [ "$folder" = -- ] && break
    number=$((number + 1)); mkdir -p "$stage/$number"; mount --rbind "$folder" "$stage/$number"
done
while [ "$1" != -- ]; do shift; done; shift
while [ "$1" != -- ]; do mount -t tmpfs -o mode=755 tmpfs "$1"; shift; done; shift
number=0
while [ "$1" != -- ]; do
    number=$((number + 1)); mkdir -p "$1"; mount --move "$stage/$number" "$1"; shift
done; shift
exec setpriv --reuid "$user" --regid "$user" --clear-groups -- "$@"
"""


class User(NamedTuple):
    """The user that runs bootjack."""

    command: tuple[str, ...]  # in the place of `bootjack`
    home: Path  # a folder that the user may write to
    number: int

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "TMPDIR": str(self.home)}


def ordinary_user(home: Path) -> User:
    """This user, or if that is root, another one, who gets `home`."""
    if os.geteuid() != 0:
        return User((BOOTJACK,), home, os.geteuid())
    os.chown(home, NUMBER, NUMBER)
    home.chmod(0o700)
    needed = _apart([Path(sys.base_prefix), Path(sys.prefix), ROOT])
    closed = _apart([ancestor for folder in needed for ancestor in _closed(folder)])
    behind = [folder for folder in needed if any(folder.is_relative_to(parent) for parent in closed)]
    if not behind:
        return User(("setpriv", f"--reuid={NUMBER}", f"--regid={NUMBER}", "--clear-groups", BOOTJACK), home, NUMBER)
    return User(tuple(_opening(home, behind, closed)), home, NUMBER)


def _opening(home: Path, folders: Sequence[Path], closed: Sequence[Path]) -> Iterator[str]:
    stage = home.parent / f"{home.name}-stage"
    stage.mkdir()
    yield from (
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "/bin/sh",
        "-ec",
        OPENED,
        "sh",
        str(stage),
        str(NUMBER),
    )
    for listed in (folders, closed, folders):
        yield from (*map(str, listed), "--")
    yield BOOTJACK


def _closed(folder: Path) -> Iterator[Path]:
    """The parent folders that not every user may pass."""
    return (ancestor for ancestor in folder.parents if not ancestor.stat().st_mode & stat.S_IXOTH)


def _apart(folders: Sequence[Path]) -> list[Path]:
    """The folders that do not lie in another one of them."""
    return [
        folder
        for folder in sorted(set(folders))
        if not any(folder != other and folder.is_relative_to(other) for other in folders)
    ]
