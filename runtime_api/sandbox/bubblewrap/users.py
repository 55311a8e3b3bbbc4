"""The users of a bubblewrap sandbox: how they are called inside, and who they are on the host.

A root's sandbox has two users. The supervisor is root without privileges, except to start and signal others; these
are a user that exists nowhere else on the machine, so that limits on processes count for one sandbox. Any other
user's sandbox has one user, who is that user on the host and is called the same inside.
"""

from __future__ import annotations

import os
import stat
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["GID", "UID", "UNIQUE", "User", "map_users", "outside_user", "unique_id"]

UID, GID = 993, 990  # sbx_user1051 on Lambda

User = tuple[int, int]  # uid and gid on the host; -1 for one that is unique to the sandbox
UNIQUE: User = (-1, -1)
FIRST_UNIQUE = 0x7000_0000  # above what systemd, containers and subordinate ids take; a pid is added


def outside_user(shown: Sequence[str]) -> User | None:
    """Decide who a function's processes are on the host; None for the user that this process is.

    Only root has a choice. Where others may not read what is shown (a temporary directory, say), the processes are
    its owner, since a unique user could not read its own code.
    """
    if os.geteuid() != 0 or not _maps_all_users():
        return None
    for path in shown:
        try:
            found = Path(path).stat()
        except OSError:
            continue  # bwrap names it when it fails
        wanted = 0o005 if stat.S_ISDIR(found.st_mode) else 0o004
        if found.st_mode & wanted != wanted:
            return None if found.st_uid == 0 else (found.st_uid, found.st_gid)
    return UNIQUE


def unique_id(sandbox: int) -> int:
    """The uid and gid that are unique to a sandbox; `sandbox` is a number that no other sandbox has."""
    return FIRST_UNIQUE + sandbox


def map_users(child: int, user: User, sandbox: int) -> None:
    """Map the users of the user namespace of `child`; `sandbox` is a number that no other sandbox has.

    OSError if the kernel refuses.
    """
    uid, gid = user
    unique = unique_id(sandbox)
    proc = Path("/proc") / str(child)
    (proc / "uid_map").write_text(f"0 0 1\n{UID} {unique if uid < 0 else uid} 1\n")
    (proc / "gid_map").write_text(f"0 0 1\n{GID} {unique if gid < 0 else gid} 1\n")


@cache
def _maps_all_users() -> bool:
    """Whether this is the machine's root, and not one inside a user namespace."""
    try:
        return Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]
    except OSError:
        return False
