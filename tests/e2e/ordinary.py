"""Runs `bootjack` as a user like any other, when the tests themselves are root's."""

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

NUMBER = 65_533  # a user that nothing belongs to
ROOT = Path(__file__).resolve().parents[2]

# Shows folders that lie where only root may look, in a view of the file system of its own, and becomes the user. No
# process is added: what was started is bootjack.
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
    """Who runs bootjack."""

    command: tuple[str, ...]  # instead of bootjack's own
    home: Path  # where this user may write
    number: int

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "TMPDIR": str(self.home)}


def ordinary_user(home: Path) -> User:
    """This user, or, when it is root, another one, to whom `home` is given."""
    if os.geteuid() != 0:
        return User((BOOTJACK,), home, os.geteuid())
    os.chown(home, NUMBER, NUMBER)
    home.chmod(0o700)
    needed = _apart([Path(sys.base_prefix), Path(sys.prefix), ROOT])
    closed = _apart([ancestor for folder in needed for ancestor in _closed(folder)])
    behind = [folder for folder in needed if any(folder.is_relative_to(door) for door in closed)]
    if not behind:
        return User(("setpriv", f"--reuid={NUMBER}", f"--regid={NUMBER}", "--clear-groups", BOOTJACK), home, NUMBER)
    return User(tuple(_opening(home, behind, closed)), home, NUMBER)


def _opening(home: Path, folders: Sequence[Path], doors: Sequence[Path]) -> Iterator[str]:
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
    for listed in (folders, doors, folders):
        yield from (*map(str, listed), "--")
    yield BOOTJACK


def _closed(folder: Path) -> Iterator[Path]:
    """The folders on the way that not everybody may pass."""
    return (ancestor for ancestor in folder.parents if not ancestor.stat().st_mode & stat.S_IXOTH)


def _apart(folders: Sequence[Path]) -> list[Path]:
    """Without those that lie in another one."""
    return [
        folder
        for folder in sorted(set(folders))
        if not any(folder != other and folder.is_relative_to(other) for other in folders)
    ]
