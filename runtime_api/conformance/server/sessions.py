"""Running servers, and what lasts from one case to the next.

A case that leaves the runtime waiting for an event, and found nothing wrong, leaves a server that is as good as new:
it is kept together with the poll that waits, and the next case with the same wishes goes on with both.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.conformance.verdicts import CannotRun

from .launching import Given, Server, Template, start

if TYPE_CHECKING:
    from .connection import Connection
    from .launching import Start

__all__ = ["Session", "Sessions"]

KEPT = 4  # of each kind


class Session(NamedTuple):
    """A server, and the poll that its runtime waits in, if it has begun to."""

    server: Server
    poll: Connection | None = None


class Sessions:
    """Hands out a session for each case; several are out at a time."""

    def __init__(self, template: Template, begin: Start = start) -> None:
        self._template = template
        self._begin = begin
        self._idle: dict[Given, list[Session]] = {}
        self._lock = threading.Lock()
        self._started = False

    def take(self, given: Given) -> Session:
        """A session as the case wishes it; CannotRun when no server at all could be started yet."""
        with self._lock:
            idle = self._idle.get(given)  # never one that has served: those are kept as not fresh
            if idle:
                return idle.pop()
        server = Server(self._template, given, self._begin)
        try:
            server.ready()
        except CannotRun:
            server.stop()
            if self._started and given.command is None:
                raise AssertionError("the server does not start") from None
            raise
        except BaseException:
            server.stop()
            raise
        self._started = True
        return Session(server)

    def give_back(self, given: Given, session: Session, *, unspoiled: bool) -> None:
        """Keep it when it is as good as new, else stop it."""
        with self._lock:
            idle = self._idle.setdefault(given._replace(fresh=False), [])
            if unspoiled and session.poll is not None and len(idle) < KEPT:
                idle.append(session)
                return
        if session.poll is not None:
            session.poll.close()
        session.server.stop()

    def close(self) -> None:
        """Stop every server."""
        with self._lock:
            sessions = [session for idle in self._idle.values() for session in idle]
            self._idle.clear()
        for session in sessions:
            self.give_back(Given(), session, unspoiled=False)
