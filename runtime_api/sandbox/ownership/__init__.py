"""Decides whether a connection to the Runtime API comes from its own environment.

`Belonging` says how the processes of an environment are told from all others, `Seen` what a search of them has
found (`descriptors.py`), and `decide` makes a verdict of both. A socket without a holder belongs to nobody and is
refused: any process could have sent a request and closed the socket before it was looked for.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .sock_diag import TcpSocket

__all__ = ["NOTHING", "Belonging", "Ownership", "Seen", "decide"]


class Ownership(Enum):
    """Whose a connection is."""

    OWN = "own"  # of a process of the environment
    FOREIGN = "foreign"  # of another process
    NOBODY = "nobody"  # its process had closed it, or ended, when it was looked for
    HIDDEN = "hidden"  # a process of the environment may hold it, but does not let this one look


class Belonging(NamedTuple):
    """How the processes of an environment are told from all others."""

    leaders: tuple[int, ...] = ()  # these belong, and all below them
    supervisor: int = 0  # all below this one belong
    user: int | None = None  # a uid that these processes have and no others: then nothing else is looked at
    marks: tuple[bytes, ...] = ()  # environment variables that name the environment, as /proc/PID/environ has them


class Seen(NamedTuple):
    """What a search through the processes of an environment has found."""

    held: frozenset[int] = frozenset()  # of the wanted sockets' inodes, those that these processes hold
    hidden: frozenset[int] = frozenset()  # the users of processes that do not let this one look


NOTHING = Seen()


def decide(peer: TcpSocket | None, user: int | None, seen: Seen, own_uid: int) -> Ownership:
    """Whose the peer's socket is; `user` is the environment's own, if it has one, and `own_uid` this process's.

    A process that has become another user (by a setuid program) hides what it holds. If the socket is of that user,
    it is taken as that process's: other functions are this process's user and cannot become another one unseen. One
    of this process's own user that hides (PR_SET_DUMPABLE) cannot be told from other functions.
    """
    if peer is not None and (peer.uid == user or peer.inode in seen.held):
        return Ownership.OWN
    if peer is None or not peer.inode:
        return Ownership.NOBODY
    if user is not None or peer.uid not in seen.hidden:
        return Ownership.FOREIGN
    return Ownership.HIDDEN if peer.uid == own_uid else Ownership.OWN
