"""The kit's end of a process that a server started: the bootstrap, or an extension."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

__all__ = ["Puppet", "ended"]

HELLO_SECONDS = 10


class Puppet:
    """One process; every wait is bounded."""

    def __init__(self, control: socket.socket) -> None:
        control.settimeout(HELLO_SECONDS)
        self._control = control
        self._lines = control.makefile("rb")
        hello = self._read()
        self.name = str(hello.get("name", ""))
        self.api = hello.get("api")  # what AWS_LAMBDA_RUNTIME_API told it
        self.pid = int(hello.get("pid", 0))
        # Opened while the process waits for orders, so it can not mean another one later.
        self._life = os.pidfd_open(self.pid)
        self._children: list[int] = []

    def tell(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Give an order; the result is empty when the process ends by it."""
        try:
            self._control.sendall(json.dumps(order).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            return {}
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

    def word(self, timeout: float) -> dict[str, Any]:
        """The next thing that it says unasked; empty when it says nothing."""
        self._control.settimeout(timeout)
        try:
            return self._read()
        except TimeoutError:
            return {}
        finally:
            self._control.settimeout(HELLO_SECONDS)

    def end(self) -> None:
        """Kill what is left of its process group and forget it."""
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signal.SIGKILL)
        for life in (self._life, *self._children):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(life, signal.SIGKILL)
            ended(life, 5)
            os.close(life)
        self._lines.close()
        self._control.close()

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
    deadline = time.monotonic() + timeout
    while not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        if time.monotonic() >= deadline:
            return False
    return True
