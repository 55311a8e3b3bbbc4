"""A server that is already running (`--server-url`) and waits for an external runtime, which is the kit.

The server starts no processes and the kit does not read its log, so cases that need either are skipped.
"""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from runtime_api.conformance.verdicts import CannotRun

from .connection import Connection, MalformedAnswer, NoAnswer
from .request import encoded
from .server import Server
from .sessions import Session

if TYPE_CHECKING:
    from runtime_api.conformance.cases import Case

    from .connection import Address
    from .template import Given

__all__ = ["PROCESS_STEPS", "RemoteServer", "RemoteServers", "read_urls", "why_not"]

CONNECT_S = 5.0
GLANCE_S = 0.5
LEFT_OVER = 10  # events that a failed case may leave undelivered
HAS = {"api_port"}  # the placeholder that a URL stands for
PROCESS_STEPS = {"tell", "gone", "child_gone", "message", "log", "signal", "server_ends"}


class RemoteServer(Server):
    """The part of a server that cases without processes and logs use."""

    remote = True

    def __init__(self, api: tuple[Address, str], invoke: Address, invoke_path: str) -> None:
        self._api = api
        self._fixed_api = True
        self.told = {}
        self.invoke_address = invoke
        self.invoke_path = invoke_path
        self.folder = Path()

    def puppet(self, name: str | None, timeout_s: float, *, new: bool = False) -> None:
        """There is none: the kit itself is the runtime."""

    def caller(self, address: Address, party: str) -> None:
        """Return None: the kit itself connects."""

    def listening(self) -> None:
        """Return None: the kit itself listens."""

    def stop(self) -> None:
        """The server belongs to its user."""


class RemoteServers:
    """Provides the one server, to one case at a time."""

    def __init__(self, server: RemoteServer) -> None:
        self._session = Session(server)
        self._free = threading.Semaphore()

    def check(self) -> None:
        """CannotRun when nothing listens at one of the addresses."""
        server = self._session.server
        for (host, port), use in ((server.api[0], "the Runtime API"), (server.invoke_address, "invocations")):
            try:
                socket.create_connection((host, port), CONNECT_S).close()
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise CannotRun(
                    f"--server-url: cannot connect to {host}:{port} for {use}: {reason}; start the server first"
                ) from None

    def take(self, _given: Given) -> Session:
        """The server, as soon as the case before has ended."""
        self._free.acquire()
        return self._session

    def give_back(self, _given: Given, session: Session, *, unspoiled: bool) -> None:
        """Keep the waiting poll; after a failure, first answer left-over events until a poll waits again."""
        if not unspoiled or session.poll is None:
            if session.poll is not None:
                session.poll.close()
            session = Session(session.server, _waiting(*session.server.api))
        self._session = session
        self._free.release()

    def close(self) -> None:
        """Close the waiting poll."""
        if self._session.poll is not None:
            self._session.poll.close()


def _waiting(address: Address, prefix: str) -> Connection | None:
    """Answer left-over events until a poll waits, and return that poll; None when there are too many."""
    host = "{}:{}".format(*address)
    path = f"{prefix}/2018-06-01/runtime/invocation/"
    try:
        for _ in range(LEFT_OVER):
            poll = Connection(address)
            poll.send(encoded(host, path=f"{path}next"))
            try:
                event = poll.answer(GLANCE_S)
            except NoAnswer as nothing:
                if nothing.kind == "silent":
                    return poll
                poll.close()
                continue
            request_id = event.header("Lambda-Runtime-Aws-Request-Id") or "none"
            poll.send(encoded(host, method="POST", path=f"{path}{request_id}/response", body="null"))
            poll.answer(GLANCE_S)
            poll.close()
    except (NoAnswer, MalformedAnswer, OSError, ValueError):
        return None
    return None


def read_urls(text: str, invoke_path: str) -> RemoteServers:
    """The servers at `API_URL` or `API_URL,INVOKE_URL`; CannotRun for anything else."""
    api, _, invoke = text.partition(",")
    urls = [urlsplit(url if "//" in url else f"//{url}") for url in (api, invoke or api)]
    try:
        addresses = [(url.hostname or "", url.port or 80) for url in urls]
    except ValueError:
        addresses = [("", 0)]
    if not all(host for host, _ in addresses) or any(url.scheme not in ("", "http") for url in urls):
        raise CannotRun(
            f"--server-url {text!r}: give http://HOST:PORT[/PREFIX] of the Runtime API, "
            "and after a comma the URL that takes invocations if it is another one"
        )
    path = urls[1].path if invoke and urls[1].path.strip("/") else invoke_path
    return RemoteServers(RemoteServer((addresses[0], urls[0].path.rstrip("/")), addresses[1], path))


def why_not(case: Case) -> str | None:
    """Why a case cannot run on a server that the kit has not started; None when it can."""
    if case.given or not HAS.issuperset(case.needs):
        return "needs a server that the kit starts: use --server"
    steps: list[Any] = [step for step in case.steps if step["do"] in PROCESS_STEPS or step.get("new")]
    return "needs a bootstrap that the server starts: use --server" if steps else None
