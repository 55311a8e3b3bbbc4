"""The code that this server can run, by reference: what a catalog names, found on this machine."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.service.records import CodeRef

from .closing import close_together

if TYPE_CHECKING:
    from runtime_api.sandbox.entrypoint import Program
    from runtime_api.sandbox.network import Network
    from runtime_api.service.seams.archives import Lease

__all__ = ["Address", "Installation", "Installations"]

Address = tuple[str, int]


class Installation(NamedTuple):
    """Where a version's code and layers are on this machine, and how it is run here."""

    program: Program
    runtime_api: Address  # where its Runtime API listens; port 0: any
    network: Network | None = None  # None: its own in bubblewrap, else the host's
    loopback_ports: tuple[int, ...] = ()  # of this machine, forwarded to a network of its own
    leases: tuple[Lease, ...] = ()  # of the directories that code and layers were unpacked to
    note: str = ""  # what the function's log says once, when it first runs


class Installations:
    """Holds installations, with leases of its own, until nothing that runs them is left."""

    def __init__(self) -> None:
        self._held: dict[CodeRef, Installation] = {}
        self._users: Counter[CodeRef] = Counter()  # versions that run it, installed yet or not
        self._numbers = count(1)
        self._releases: set[asyncio.Future[None]] = set()

    def __contains__(self, code: CodeRef) -> bool:
        return code in self._held

    def __getitem__(self, code: CodeRef) -> Installation:
        return self._held[code]

    def add(self, installation: Installation) -> CodeRef:
        """Hold it; its leases still have to be released by their owner."""
        code = CodeRef(f"local:{next(self._numbers)}")
        self.use(code)
        self.put(code, installation)
        return code

    def use(self, code: CodeRef) -> None:
        """Count one more version that runs this code; `remove` takes it back."""
        self._users[code] += 1

    def is_used(self, code: CodeRef) -> bool:
        """Whether a version runs this code, installed yet or not."""
        return self._users[code] > 0

    def put(self, code: CodeRef, installation: Installation) -> None:
        """Hold the installation of code that is used; its leases still have to be released by their owner."""
        self._held[code] = installation._replace(leases=tuple(lease.share() for lease in installation.leases))

    def remove(self, code: CodeRef) -> None:
        """Take one version back; with the last one, release what is held.

        Directories go with their last lease, on a thread, since that may take long.
        """
        self._users[code] -= 1
        if self._users[code] > 0:
            return
        del self._users[code]
        installation = self._held.pop(code, None)
        for lease in installation.leases if installation is not None else ():
            release = asyncio.get_running_loop().run_in_executor(None, lease.release)
            self._releases.add(release)
            release.add_done_callback(self._releases.discard)

    async def close(self) -> None:
        """Remove everything."""
        for code in tuple(self._held):
            self._users[code] = 1
            self.remove(code)
        await close_together(self._releases)
