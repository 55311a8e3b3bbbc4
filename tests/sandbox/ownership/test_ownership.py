"""Whose a connection is, decided from what was found."""

from __future__ import annotations

import pytest

from runtime_api.sandbox.ownership import NOTHING, Ownership, Seen, decide
from runtime_api.sandbox.ownership.sock_diag import TcpSocket

OWN, FOREIGN, NOBODY, HIDDEN = Ownership
SERVER, OTHER, UNIQUE = 1000, 0, 0x7000_0001


def seen(*held: int, hidden: tuple[int, ...] = ()) -> Seen:
    return Seen(frozenset(held), frozenset(hidden))


@pytest.mark.parametrize(
    ("peer", "user", "found", "verdict"),
    [
        (TcpSocket(7, SERVER), None, seen(7), OWN),
        (TcpSocket(7, SERVER), None, seen(8), FOREIGN),
        (TcpSocket(7, SERVER), None, NOTHING, FOREIGN),
        (TcpSocket(0, SERVER), None, seen(7), NOBODY),  # closed
        (TcpSocket(0, OTHER), None, seen(hidden=(OTHER,)), NOBODY),
        (None, None, seen(7), NOBODY),  # closed and forgotten by the kernel
        # A process of the environment that has become another user does not let itself be looked at.
        (TcpSocket(7, OTHER), None, seen(hidden=(OTHER,)), OWN),
        (TcpSocket(7, OTHER), None, seen(hidden=(SERVER,)), FOREIGN),
        (TcpSocket(7, SERVER), None, seen(hidden=(OTHER,)), FOREIGN),
        (TcpSocket(7, SERVER), None, seen(hidden=(SERVER,)), HIDDEN),
        (TcpSocket(7, SERVER), None, seen(7, hidden=(SERVER,)), OWN),
        # An environment with a user of its own needs no search.
        (TcpSocket(7, UNIQUE), UNIQUE, NOTHING, OWN),
        (TcpSocket(0, UNIQUE), UNIQUE, NOTHING, OWN),  # closed: since Linux 6.16 the kernel still knows the user
        (TcpSocket(0, OTHER), UNIQUE, NOTHING, NOBODY),  # before
        (TcpSocket(7, UNIQUE + 1), UNIQUE, NOTHING, FOREIGN),
        (TcpSocket(7, OTHER), UNIQUE, NOTHING, FOREIGN),
        (None, UNIQUE, NOTHING, NOBODY),
    ],
)
def test_a_verdict(peer: TcpSocket | None, user: int | None, found: Seen, verdict: Ownership) -> None:
    assert decide(peer, user, found, SERVER) is verdict
