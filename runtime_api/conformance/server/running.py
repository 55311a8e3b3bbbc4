"""A server that runs already, and waits for a runtime: the kit is that runtime, and nobody starts or ends it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from runtime_api.conformance.verdicts import CannotRun

from .connection import Connection, Misspelt, Nothing
from .launching import Given, Server
from .request import encoded
from .sessions import Session

if TYPE_CHECKING:
    from runtime_api.conformance.cases import Case

    from .connection import Address

__all__ = ["RunningServer", "RunningServers", "read_urls", "why_not"]

GLANCE_SECONDS = 0.5
LEFT_OVER = 10  # events that a case may leave
OF_PROCESSES = {"tell", "gone", "child_gone", "word", "log", "signal", "server_ends"}


class RunningServer(Server):
    """What a case needs of a server, without its processes and its log."""

    remote = True

    def __init__(self, api: tuple[Address, str], invoke: Address, invoke_path: str) -> None:
        self._api = api
        self.invoke_address = invoke
        self.invoke_path = invoke_path
        self.folder = Path()

    def forget_log(self) -> None:
        """There is none."""

    def puppet(self, name: str, timeout: float, *, new: bool = False) -> None:
        """There is none."""

    def stop(self) -> None:
        """Not ours."""


class RunningServers:
    """Hands out the one server, to one case at a time."""

    def __init__(self, server: RunningServer) -> None:
        self._session = Session(server)
        self._free = threading.Semaphore()

    def take(self, _given: Given) -> Session:
        """The server, when the case before is done with it."""
        self._free.acquire()
        return self._session

    def give_back(self, _given: Given, session: Session, *, unspoiled: bool) -> None:
        """Keep the poll that waits; after a failure the runtime answers what it is given until it waits again."""
        if not unspoiled or session.poll is None:
            if session.poll is not None:
                session.poll.close()
            session = Session(session.server, _waiting(*session.server.api))
        self._session = session
        self._free.release()

    def close(self) -> None:
        """Close the poll that waits."""
        if self._session.poll is not None:
            self._session.poll.close()


def _waiting(address: Address, prefix: str) -> Connection | None:
    """A poll that waits for an event, once those that were left over are answered; None if that takes too long."""
    host = "{}:{}".format(*address)
    path = f"{prefix}/2018-06-01/runtime/invocation/"
    try:
        for _ in range(LEFT_OVER):
            poll = Connection(address)
            poll.send(encoded(host, path=f"{path}next"))
            try:
                event = poll.answer(GLANCE_SECONDS)
            except Nothing as nothing:
                if nothing.kind == "silent":
                    return poll
                poll.close()
                continue
            request_id = event.header("Lambda-Runtime-Aws-Request-Id") or "none"
            poll.send(encoded(host, method="POST", path=f"{path}{request_id}/response", body="null"))
            poll.answer(GLANCE_SECONDS)
            poll.close()
    except (Nothing, Misspelt, OSError, ValueError):
        return None
    return None


def read_urls(text: str, invoke_path: str) -> RunningServers:
    """From `API_URL` or `API_URL,INVOKE_URL`; CannotRun when they are none."""
    api, _, invoke = text.partition(",")
    urls = [urlsplit(url if "//" in url else f"//{url}") for url in (api, invoke or api)]
    try:
        addresses = [(url.hostname or "", url.port or 80) for url in urls]
    except ValueError:
        addresses = [("", 0)]
    if not all(host for host, _ in addresses) or any(url.scheme not in ("", "http") for url in urls):
        raise CannotRun(
            "--server-url: http://HOST:PORT[/PREFIX] of the Runtime API, and behind a comma the URL to invoke"
        )
    path = urls[1].path if invoke and urls[1].path.strip("/") else invoke_path
    return RunningServers(RunningServer((addresses[0], urls[0].path.rstrip("/")), addresses[1], path))


def why_not(case: Case) -> str | None:
    """Why a case cannot be played on a server that the kit has not started."""
    if case.given:
        return "needs a server that the kit starts (--server)"
    steps: list[Any] = [step for step in case.steps if step["do"] in OF_PROCESSES or step.get("new")]
    return "needs a bootstrap that the server starts (--server)" if steps else None
