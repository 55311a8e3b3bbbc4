"""The kit's end of a puppet: a process that a server started as the bootstrap, or as an extension.

Messages to and from a puppet use `json`: its environment may hold lone surrogates (bytes that are not UTF-8), which
orjson refuses.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Puppet", "control_path", "ended", "write_puppets"]

HELLO_S = 10
PROGRAM = Path(__file__).with_name("puppet.py")


def write_puppets(folder: Path, extensions: tuple[str, ...]) -> Path:
    """Write the puppet program as the bootstrap and as each extension; returns the bootstrap's path."""
    control = control_path(folder)
    code = PROGRAM.read_text().replace("{control}", str(control)).replace("{control_name}", control.name)
    # The interpreter itself, since a sandbox need not show the links that lead to it.
    text = f"#!{os.path.realpath(sys.executable)} -IS\n{code}"
    places = [folder / "task" / "bootstrap"]
    places += [folder / "opt" / "extensions" / name for name in extensions]
    (folder / "opt" / "extensions").mkdir(parents=True)
    for place in places:
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
        place.chmod(0o644 if place.name.startswith("broken") else 0o755)
    return places[0]


def control_path(folder: Path) -> Path:
    """The unix socket to which puppets connect."""
    return folder / "task" / "puppet"


class Puppet:
    """One process under the kit's control; every wait is bounded."""

    def __init__(self, control: socket.socket) -> None:
        control.settimeout(HELLO_S)
        self._control = control
        self._received = b""
        self._orders = 0
        self._descriptors: list[int] = []  # that came with what was received
        self._unread: list[dict[str, Any]] = []  # messages that came while a result was waited for
        try:
            hello = self._read()
            self.name = str(hello.get("name", ""))
            self.api = hello.get("api")  # its AWS_LAMBDA_RUNTIME_API
            self.pid = _peer(control)
            # Opened while the process waits for orders, so the pid cannot belong to another process yet.
            self._pidfd = os.pidfd_open(self.pid)
        except BaseException:  # killed before it could say who it is
            control.close()
            raise
        self._children: list[int] = []

    def tell(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Give an order and return its result, which is empty when the order ends the process."""
        result = self._order(order)
        if "child" in result:
            self._children.append(os.pidfd_open(self._child(result["child"])))
        return result

    def connect(self, host: str, port: int) -> tuple[socket.socket, int] | None:
        """Have the process connect; returns its socket, and a number for `let_go`. None if the process does not.

        OSError if nothing listens there.
        """
        connected = self._order({"order": "connect", "host": host, "port": port})
        if not connected:
            return None
        if connected.get("error"):
            raise OSError(connected["error"], os.strerror(connected["error"]))
        if not self._descriptors:
            return None
        return socket.socket(fileno=self._descriptors.pop()), connected["connected"]

    def listen(self) -> socket.socket | None:
        """Have the process open a listening socket, on a loopback port; None if it does not."""
        listening = self._order({"order": "listen"})
        return socket.socket(fileno=self._descriptors.pop()) if listening and self._descriptors else None

    def let_go(self, connection: int) -> None:
        """Have the process close its copy of a connection."""
        self._order({"order": "let go", "connection": connection})

    def _child(self, pid: int) -> int:
        """The pid here of a child that has this one there."""
        for listed in Path(f"/proc/{self.pid}/task").glob("*/children"):
            for child in listed.read_text().split():
                status = Path(f"/proc/{child}/status").read_text()
                own = next((line.split() for line in status.splitlines() if line.startswith("NSpid:")), [child])
                if int(own[-1]) == pid:
                    return int(child)
        return pid

    def _order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Give an order, and wait for its result; empty if the process has ended or is stopped."""
        self._orders += 1
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            self._control.sendall(json.dumps({**order, "number": self._orders}).encode() + b"\n")
            while message := self._receive():
                number = message.pop("to", None)
                if number == self._orders:
                    return message
                if number is None:  # else the result of an order that took too long
                    self._unread.append(message)
        return {}

    def alive(self) -> bool:
        """Whether the process still runs."""
        return not ended(self._pidfd, 0)

    def children_ended(self, timeout_s: float) -> bool:
        """Whether the children that it was ordered to leave behind end in time."""
        return all(ended(child, timeout_s) for child in self._children)

    def last_messages(self, timeout_s: float) -> list[dict[str, Any]] | None:
        """Wait for its end, and return the unread messages it sent without an order; None when it keeps running."""
        if not ended(self._pidfd, timeout_s):
            return None
        messages = []
        while message := self._read():
            messages.append(message)
        return messages

    def message(self, timeout_s: float) -> dict[str, Any]:
        """The next message that it sends without an order; empty when none comes in time."""
        self._control.settimeout(timeout_s)
        try:
            return self._read()
        except TimeoutError:
            return {}
        finally:
            self._control.settimeout(HELLO_S)

    def end(self) -> None:
        """Kill what is left of its process group, and close everything."""
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signal.SIGKILL)
        for pidfd in (self._pidfd, *self._children):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            ended(pidfd, 5)
            os.close(pidfd)
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._control.close()

    def _read(self) -> dict[str, Any]:
        """The next message that is no result; empty when the process has ended."""
        message = self._unread.pop(0) if self._unread else self._receive()
        while "to" in message:  # an order has taken too long
            message = self._receive()
        return message

    def _receive(self) -> dict[str, Any]:
        while b"\n" not in self._received:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._control, 1 << 16, 1, socket.MSG_CMSG_CLOEXEC)
            except ConnectionResetError:
                data, descriptors = b"", []
            self._descriptors += descriptors
            if not data:
                return {}
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return dict(json.loads(line))


def _peer(control: socket.socket) -> int:
    """The pid of the process at the other end."""
    credentials = control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[0])


def ended(pidfd: int, timeout_s: float) -> bool:
    """Whether a process ends in time."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    deadline = time.monotonic() + timeout_s
    while not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        if time.monotonic() >= deadline:
            return False
    return True
