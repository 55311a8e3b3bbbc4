"""Servers under test: how each is started, its log, the puppets it runs, and a pool that reuses what is unspoiled."""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests import peers
from tests.wire.connection import Address
from tests.wire.expect import first_missing

READY_SECONDS = 20
LOG_PIPE_BYTES = 1 << 20
# Below the ports that clients get, so none of them takes one before the server listens on it.
PORTS = iter(range(10000 + os.getpid() % 100 * 200, 32768))
PUPPET = Path(__file__).with_name("puppet.py")
HANDLER = "app.handler"


class Kind(NamedTuple):
    """A server that speaks RIE's command line, and whether one process may serve several cases."""

    command: Callable[[], list[str]]
    reused: bool


BOOTJACK = Kind(lambda: [str(Path(sys.executable).with_name("bootjack")), "rie"], reused=True)
# The poll that a case leaves behind may take the next case's event: RIE does not see that its client has gone.
RIE = Kind(lambda: [str(peers.rie())], reused=False)


class Settings(NamedTuple):
    """What a case asks of its server: the caller's environment, and a COMMAND other than the puppet."""

    env: Mapping[str, str]
    command: list[str] | None

    def key(self) -> str:
        """The same for the same settings."""
        return json.dumps([self.env, self.command], sort_keys=True)


class Puppet:
    """The test's end of one runtime process."""

    def __init__(self, control: socket.socket) -> None:
        control.settimeout(5)
        self._control = control
        self._lines = control.makefile("rb")
        self.pid = int(self._read()["pid"])
        # Opened while the process waits for orders, so it can not mean another one later.
        self._life = os.pidfd_open(self.pid)
        self._children: list[int] = []

    def tell(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Give an order; the result is empty when the process ends by it."""
        self._control.sendall(json.dumps(order).encode() + b"\n")
        result = self._read()
        if "child" in result:
            self._children.append(os.pidfd_open(result["child"]))
        return result

    def alive(self) -> bool:
        """Whether the process has not ended."""
        return not ended(self._life, 0)

    def child_ended(self, timeout: float) -> bool:
        """Whether the children it was told to leave end in time."""
        return all(ended(child, timeout) for child in self._children)

    def last_words(self, timeout: float) -> list[dict[str, Any]] | None:
        """What it said unasked before it ended; None when it goes on living."""
        if not ended(self._life, timeout):
            return None
        words = []
        while word := self._read():
            words.append(word)
        return words

    def end(self) -> None:
        """Kill what is left of its process group and forget it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        if not ended(self._life, 5):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._life, signal.SIGKILL)
        self._lines.close()
        self._control.close()
        for pidfd in (self._life, *self._children):
            os.close(pidfd)

    def _read(self) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except ConnectionResetError:
            line = b""
        return dict(json.loads(line)) if line else {}


def ended(pidfd: int, timeout: float) -> bool:
    """Whether the process behind `pidfd` ends within `timeout` seconds."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(timeout * 1000))


class Server:
    """One running server with the puppet as its runtime."""

    def __init__(self, kind: Kind, settings: Settings) -> None:
        self.invoke_address, self.api_address = free_addresses()
        self.folder = Path(tempfile.mkdtemp(prefix="wire-"))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / "puppet"))
        self._listener.listen()
        self._puppets: list[Puppet] = []
        self._log = b""
        self._seen = 0
        self._process = self._start(kind, settings)

    def _start(self, kind: Kind, settings: Settings) -> subprocess.Popen[bytes]:
        puppet = [sys.executable, "-I", "-S", str(PUPPET), HANDLER]
        arguments = [
            *("--runtime-interface-emulator-address", "{}:{}".format(*self.invoke_address)),
            *("--runtime-api-address", "{}:{}".format(*self.api_address)),
            *(puppet if settings.command is None else settings.command),
        ]
        process = subprocess.Popen(
            ["/bin/sh", "-c", 'ulimit -n 2048 && exec "$@"', "sh", *kind.command(), *arguments],
            env={"PUPPET": str(self.folder / "puppet"), **settings.env},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        self._output = process.stdout.fileno()
        os.set_blocking(self._output, False)
        fcntl.fcntl(self._output, fcntl.F_SETPIPE_SZ, LOG_PIPE_BYTES)
        return process

    def ready(self) -> "Server":
        """Wait until both sides take connections."""
        deadline = time.monotonic() + READY_SECONDS
        for address in (self.invoke_address, self.api_address):
            self._until_open(address, deadline)
        return self

    def _until_open(self, address: tuple[str, int], deadline: float) -> None:
        while True:
            try:
                socket.create_connection(address, timeout=1).close()
            except ConnectionRefusedError:
                if not self._drain(0.01) or time.monotonic() > deadline:
                    raise AssertionError(f"the server did not start:\n{self.log()}") from None
            else:
                return

    def puppet(self, timeout: float, *, new: bool = False) -> Puppet | None:
        """The runtime process: the one that lives, or the next one that is started."""
        if not new and self._puppets and self._puppets[-1].alive():
            return self._puppets[-1]
        if not select.select([self._listener], [], [], timeout)[0]:
            return None
        self._puppets.append(Puppet(self._listener.accept()[0]))
        return self._puppets[-1]

    def last_puppet(self) -> Puppet:
        """The runtime process that was started last, whether it lives or not."""
        return self._puppets[-1]

    def signal(self, name: str) -> None:
        """Send a signal to the server itself."""
        self._process.send_signal(signal.Signals[name])

    def exit_code(self, timeout: float) -> int | None:
        """How the server ended; None while it lives."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def log(self) -> str:
        """What was written since the last `forget_log`."""
        self._drain(0)
        return self._log[self._seen :].decode(errors="replace")

    def forget_log(self) -> None:
        """Start a new stretch of log."""
        self._drain(0)
        self._seen = len(self._log)

    def log_has(self, patterns: list[str], timeout: float) -> str | None:
        """Wait until lines that match came in this order; None then, else the first pattern without a line."""
        deadline = time.monotonic() + timeout
        while missing := first_missing(patterns, self.log()):
            left = deadline - time.monotonic()
            if left <= 0 or not self._drain(left):
                break
        return missing

    def _drain(self, timeout: float) -> bool:
        """Read what the server wrote, waiting for it at most so long; False at its end."""
        ready = select.select([self._output], [], [], timeout)[0]
        while ready:
            try:
                data = os.read(self._output, 1 << 16)
            except BlockingIOError:
                break
            if not data:
                return False
            self._log += data
        return True

    def stop(self) -> None:
        """Kill the server and every process it started, and release everything."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._listener.setblocking(False)
        with contextlib.suppress(BlockingIOError, KeyError):
            while True:
                self._puppets.append(Puppet(self._listener.accept()[0]))
        for puppet in self._puppets:
            puppet.end()
        self._listener.close()
        shutil.rmtree(self.folder)


def free_addresses() -> tuple[Address, Address]:
    """Two loopback addresses that nobody listens on, never handed out before."""
    free = (("127.0.0.1", port) for port in PORTS if is_free(port))
    return next(free), next(free)


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


class Pool:
    """Running servers of one kind: an unspoiled one is used again, and a spare one starts while a case runs."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._idle: dict[str, Server] = {}
        self._spare: tuple[str, Server] | None = None

    def take(self, settings: Settings, *, fresh: bool) -> Server:
        """A ready server with these settings; `fresh`: one whose runtime was never started."""
        fresh = fresh or not self._kind.reused
        key = settings.key()
        if not fresh and key in self._idle:
            return self._idle.pop(key)
        spare, self._spare = self._spare, None
        if spare and spare[0] != key:
            spare[1].stop()
            spare = None
        server = spare[1] if spare else Server(self._kind, settings)
        self._spare = (key, Server(self._kind, settings)) if fresh else None
        try:
            return server.ready()
        except BaseException:
            server.stop()
            raise

    def give_back(self, settings: Settings, server: Server) -> None:
        """Keep a server whose runtime waits for the next event, when its kind allows that."""
        if self._kind.reused and settings.key() not in self._idle:
            self._idle[settings.key()] = server
        else:
            server.stop()

    def close(self) -> None:
        """Stop every server."""
        for server in [*self._idle.values(), *([self._spare[1]] if self._spare else [])]:
            server.stop()
        self._idle, self._spare = {}, None
