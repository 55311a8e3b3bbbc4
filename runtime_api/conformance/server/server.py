"""One server under test, with the puppet as its runtime."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.conformance.matching import filled
from runtime_api.conformance.verdicts import CannotRun
from runtime_api.sandbox.processes.reaping import awaited

from .launch import start
from .log import ServerLog
from .ports import Port
from .puppets import Puppet, control_path, ended, write_puppets
from .template import PLACEHOLDERS, TOLD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .connection import Address, Connection
    from .launch import Start
    from .template import Given, Template

__all__ = ["Server", "ServerFailed"]

LEAST_READY_S = 10.0  # for a server to listen, and to start its first process, however short the timeout is
AGAIN_READY_S = 60.0  # for a server to listen that has listened before: only a busy machine makes it slower
BOOTSTRAP = "bootstrap"
EXTENSION = "extension "  # before the name of a party that is one


class ServerFailed(Exception):
    """The server does not start, or does not start its runtime: the case fails."""


class Server:
    """Started for a case, with a folder and ports of its own; `stop` releases everything."""

    remote = False

    def __init__(self, template: Template, given: Given, timeout_s: float, begin: Start = start) -> None:
        self._ready_s = max(LEAST_READY_S, timeout_s)
        self._ports = (Port(), Port())
        invoke_port, api_port = (port.number for port in self._ports)
        self.invoke_address: Address = ("127.0.0.1", invoke_port)
        self.invoke_path = template.invoke_path
        self._fixed_api = template.has("api_port")
        self._api: tuple[Address, str] | None = (("127.0.0.1", api_port), "") if self._fixed_api else None
        self._template = template
        self.folder = Path(tempfile.mkdtemp(prefix="conform-"))
        self.folder.chmod(0o755)  # a server may run its runtime as another user
        self._puppets: list[Puppet] = []
        bootstrap = write_puppets(self.folder, given.extensions)
        self._listener = self._listen()
        names = {
            **TOLD,
            "bootstrap": str(bootstrap),
            "task": str(bootstrap.parent),
            "opt": str(self.folder / "opt"),
            "invoke_port": str(invoke_port),
            "api_port": str(api_port),
            "timeout": str(given.timeout),
        }
        cwd = self.folder if template.has("bootstrap") else bootstrap.parent
        self.told: Mapping[str, str] = {**TOLD, "opt": names["opt"], "cwd": str(cwd)}
        variables = {
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(given.timeout),
            "AWS_LAMBDA_FUNCTION_NAME": TOLD["name"],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": TOLD["memory"],
            **filled(dict(template.variables), names),
            **dict(given.env),
        }
        self._process = begin(template.command(given, names), variables, self.folder)
        self.log = ServerLog(self._process.output)

    def _listen(self) -> socket.socket:
        """The unix socket that puppets connect to."""
        path = control_path(self.folder)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        path.chmod(0o777)
        listener.listen()
        return listener

    @property
    def api(self) -> tuple[Address, str]:
        """The Runtime API's address, and the prefix of its paths: those of the process that was started last."""
        if self._fixed_api:
            assert self._api is not None
            return self._api
        puppet = self.puppet(None, 0 if self._api else self._ready_s)
        if puppet is not None:
            host, _, rest = str(puppet.api).partition(":")
            port, slash, prefix = rest.partition("/")
            self._api = ((host, int(port)), slash + prefix)
        if self._api is None:
            raise ServerFailed("the server started no process, so the address of its Runtime API is unknown")
        return self._api

    def ready(self, *, again: bool) -> Server:
        """Wait until the server accepts connections; CannotRun when it does not. `again`: one like it has done so."""
        deadline = time.monotonic() + (max(self._ready_s, AGAIN_READY_S) if again else self._ready_s)
        addresses = [self.invoke_address, *([self._api[0]] if self._api else [])]
        for address in addresses:
            self._wait_until_open(address, deadline)
        return self

    def _wait_until_open(self, address: Address, deadline: float) -> None:
        while True:
            try:
                socket.create_connection(address, timeout=1).close()
            except OSError:
                ended = not self.log.drain(0.01)
                if ended or time.monotonic() > deadline:
                    raise CannotRun(self._why_not_open(address[1], ended=ended)) from None
            else:
                return

    def _why_not_open(self, port: int, *, ended: bool) -> str:
        name = "{invoke_port}" if port == self.invoke_address[1] else "{api_port}"
        fact = "ended without listening" if ended else "does not listen"
        limit = "" if ended else f", after {self._ready_s:g} s; allow more with --timeout"
        lines = [f"--server: the server {fact} on port {port}, its {name}{limit}"]
        if unknown := self._template.unknown():
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            lines.append(f"There is no placeholder {{{unknown[0]}}}; the placeholders are {known}.")
        written = self.log.text().rstrip()
        return "\n".join([*lines, f"It wrote:\n{written}" if written else "It wrote nothing."])

    def puppet(self, name: str | None, timeout_s: float, *, new: bool = False) -> Puppet | None:
        """The running process of that name (None: any), or the next one that starts; with `new` only the latter."""
        deadline = time.monotonic() + timeout_s
        before = set() if not new else set(map(id, self._puppets))
        while True:
            for puppet in reversed(self._puppets):
                if name in (None, puppet.name) and id(puppet) not in before and (new or puppet.alive()):
                    return puppet
            if not select.select([self._listener], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            self._puppets.append(Puppet(self._listener.accept()[0]))

    def starts_before_answering(self, caller: Connection, timeout_s: float) -> bool | None:
        """Whether another process starts before the caller gets an answer; None when neither happens in time."""
        ready = select.select([caller.fileno(), self._listener.fileno()], [], [], timeout_s)[0]
        return caller.fileno() not in ready if ready else None

    def last_puppet(self, name: str) -> Puppet:
        """The process of that name that was started last, running or not."""
        return next(puppet for puppet in reversed(self._puppets) if puppet.name == name)

    def caller(self, address: Address, party: str) -> Puppet | None:
        """The process that connects to this address for a party: one of the server's own if that is the Runtime API.

        An extension that is a process connects itself; else the bootstrap does, or any other. None if this one is to
        connect, or no process of the server's is left.
        """
        if self._api is None or address != self._api[0]:
            return None
        own = party.removeprefix(EXTENSION)
        return self.puppet(own, 0) or self.puppet(BOOTSTRAP, 0) or self.puppet(None, 0)

    def listening(self) -> socket.socket | None:
        """A listening socket where the server's processes are; None when there is none, or the server stopped it."""
        puppet = self.puppet(BOOTSTRAP, 0) or self.puppet(None, 0)
        return None if puppet is None else puppet.listen()

    def signal(self, name: str) -> None:
        """Send a signal to the server itself."""
        signal.pidfd_send_signal(self._process.pidfd, signal.Signals[name])

    def ends(self, timeout_s: float) -> bool:
        """Whether the server itself ends in time."""
        return ended(self._process.pidfd, timeout_s)

    def stop(self) -> None:
        """Kill the server and every process it started, and release everything."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        ended(self._process.pidfd, 10)
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self._process.pidfd, os.WEXITED)
        awaited.discard(self._process.pid)
        os.close(self._process.pidfd)
        self.log.close()
        self._listener.setblocking(False)
        with contextlib.suppress(BlockingIOError, OSError):
            while True:
                self._puppets.append(Puppet(self._listener.accept()[0]))
        for puppet in self._puppets:
            puppet.end()
        self._listener.close()
        for port in self._ports:
            port.release()
        shutil.rmtree(self.folder, ignore_errors=True)
