"""Running servers, and which of them are reused by the next case.

A case that finds nothing wrong and leaves the runtime waiting for an event leaves a server that is as good as new.
The server is kept, together with the waiting poll, and the next case with the same `given` continues with both.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.conformance.verdicts import CannotRun

from .launch import start
from .server import Server, ServerFailed
from .template import Given

if TYPE_CHECKING:
    from .connection import Connection
    from .launch import Start
    from .template import Template

__all__ = ["Session", "Sessions"]

KEPT = 4  # servers for each `given`


class Session(NamedTuple):
    """A server, and the poll in which its runtime waits, if there is one."""

    server: Server
    poll: Connection | None = None


class Sessions:
    """Provides a session for each case; several cases run at a time."""

    def __init__(self, template: Template, timeout_s: float, begin: Start = start) -> None:
        self._template = template
        self._timeout_s = timeout_s
        self._begin = begin
        self._idle: dict[Given, list[Session]] = {}
        self._lock = threading.Lock()
        self._started = False

    def take(self, given: Given) -> Session:
        """A session that fits the case; CannotRun when no server has ever started."""
        with self._lock:
            idle = self._idle.get(given)  # never a used server for a `fresh` case: it is kept under `fresh=False`
            if idle:
                return idle.pop()
        server = Server(self._template, given, self._timeout_s, self._begin)
        try:
            server.ready(again=self._started)
        except CannotRun:
            server.stop()
            if self._started and given.command is None:
                raise ServerFailed("the server does not start") from None
            raise
        except BaseException:
            server.stop()
            raise
        self._started = True
        return Session(server)

    def give_back(self, given: Given, session: Session, *, unspoiled: bool) -> None:
        """Keep the session for the next case if it is as good as new, else stop its server."""
        with self._lock:
            idle = self._idle.setdefault(given._replace(fresh=False), [])
            if unspoiled and session.poll is not None and len(idle) < KEPT:
                idle.append(session)
                return
        if session.poll is not None:
            session.poll.close()
        session.server.stop()

    def close(self) -> None:
        """Stop every kept server."""
        with self._lock:
            sessions = [session for idle in self._idle.values() for session in idle]
            self._idle.clear()
        for session in sessions:
            self.give_back(Given(), session, unspoiled=False)
