"""Admits to an environment's Runtime API only the processes of that environment, where others can reach it.

Each connection is judged once, when it is accepted: the kernel says which socket the peer has, and whose uid, and
the environment's processes are searched for it. Nearly always the first of them has it. If none seems to, all of
them are searched once more on a thread, threads and orphans included, since the process table changes while it is
read: one such search at a time, for all connections that wait for one.
"""

from __future__ import annotations

import asyncio
import os
from itertools import chain
from typing import TYPE_CHECKING

from runtime_api.protocol.errors import FORBIDDEN_PEER, HIDDEN_PEER, VANISHED_PEER
from runtime_api.sandbox.ownership import NOTHING, Ownership, decide
from runtime_api.sandbox.ownership.descriptors import look
from runtime_api.sandbox.ownership.members import can_list, descendants, orphans
from runtime_api.sandbox.ownership.sock_diag import endpoint
from runtime_api.sandbox.ownership.tcp_sockets import can_ask, find_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runtime_api.protocol.errors import Refusal
    from runtime_api.sandbox import Sandbox
    from runtime_api.sandbox.ownership import Belonging, Seen
    from runtime_api.sandbox.ownership.sock_diag import TcpSocket

__all__ = ["REFUSALS", "Admission", "Judgement", "SocketName"]

SocketName = tuple[object, ...]  # an address as getsockname(2) gives it
Judgement = asyncio.Future["Refusal | None"]

QUICK_S = 0.0003  # to search for the peer's socket before the event loop goes on with other things
REFUSALS: Mapping[Ownership, Refusal | None] = {
    Ownership.OWN: None,
    Ownership.FOREIGN: FORBIDDEN_PEER,
    Ownership.NOBODY: VANISHED_PEER,
    Ownership.HIDDEN: HIDDEN_PEER,
}
ADVICE = "start what calls it from the bootstrap, or run the runtime yourself with --only-lambda-apis"
NO_CHECK = (
    "this system does not say which process a connection belongs to, so any process that reaches a Runtime API may "
    "use it"
)


class Admission:
    """Judges who may use the Runtime API of one sandbox; `note` writes a line of the server's log.

    `noted` is shared by a server's environments: what has been said once for all of them.
    """

    def __init__(self, sandbox: Sandbox, note: Callable[[str], None], noted: set[str]) -> None:
        self._sandbox = sandbox
        self._note = note
        self._noted = noted
        self._has_refused = False
        self._waiting: dict[TcpSocket, list[Judgement]] = {}
        self._searching = False

    def refusal(self, own: SocketName, peer: SocketName) -> Refusal | Judgement | None:
        """Say how to refuse the peer of an accepted connection; None if it may come in. It may take a while."""
        belonging = self._sandbox.belonging()
        if belonging is None:
            return None
        try:
            found = find_socket(endpoint(peer), endpoint(own))
        except (AttributeError, OSError, ValueError):
            found = None
        if (found is None or not belonging.user) and not self._can_tell():
            return None
        if found is None or not found.inode or belonging.user is not None:
            return REFUSALS[decide(found, belonging.user, NOTHING, os.geteuid())]
        seen = look(descendants(belonging), (found.inode,), seconds=QUICK_S)
        return None if seen.held else self._later(found)

    def refused(self, refusal: Refusal) -> None:
        """Tell the user that a request was refused, once."""
        if not self._has_refused:
            self._has_refused = True
            self._note(f"a request to the Runtime API was refused. {refusal.message} ({ADVICE})")

    def _can_tell(self) -> bool:
        try:
            if can_ask() and can_list():
                return True
        except OSError:  # too many open files: nobody is let in unseen for that
            return True
        if NO_CHECK not in self._noted:
            self._noted.add(NO_CHECK)
            self._note(NO_CHECK)
        return False

    def _later(self, found: TcpSocket) -> Judgement:
        judgement: Judgement = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(found, []).append(judgement)
        self._search()
        return judgement

    def _search(self) -> None:
        """Search for all that is waited for, unless a search is on its way: its end begins the next one."""
        belonging = self._sandbox.belonging()
        if self._searching or not self._waiting or belonging is None:
            return
        self._searching = True
        waiting, self._waiting = self._waiting, {}
        search = asyncio.get_running_loop().run_in_executor(None, _all_seen, belonging, frozenset(waiting))
        search.add_done_callback(lambda search: self._found(waiting, search))

    def _found(self, waiting: Mapping[TcpSocket, list[Judgement]], search: asyncio.Future[Seen]) -> None:
        self._searching = False
        seen = NOTHING if search.cancelled() or search.exception() else search.result()
        for peer, judgements in waiting.items():
            refusal = REFUSALS[decide(peer, None, seen, os.geteuid())]
            for judgement in judgements:
                if not judgement.done():
                    judgement.set_result(refusal)
        self._search()


def _all_seen(belonging: Belonging, wanted: frozenset[TcpSocket]) -> Seen:
    everything = chain(descendants(belonging), orphans(belonging))
    return look(everything, [peer.inode for peer in wanted], threads=True)
