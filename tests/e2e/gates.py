"""Named pipes that invocations wait at, so that a test decides when they end."""

from __future__ import annotations

import errno
import itertools
import json
import os
import threading
import time
from typing import TYPE_CHECKING

from tests.e2e.running import SECONDS
from tests.sandboxes import shown_folder

if TYPE_CHECKING:
    from tests.e2e.running import Reply, Server

__all__ = ["Gate", "Held"]

_numbers = itertools.count(1)


class Gate:
    """A pipe that functions see too, whatever they run in."""

    def __init__(self) -> None:
        self.path = shown_folder() / f"gate{next(_numbers)}"
        os.mkfifo(self.path)
        self.event = json.dumps({"do": "wait", "gate": str(self.path)}).encode()

    def wait(self) -> int:
        """The end to write to, once the runtime has opened the other one."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                assert time.monotonic() < deadline, "nobody came to the gate"
                time.sleep(0.002)


class Held:
    """An invocation that is under way, and waits at its gate."""

    def __init__(self, server: Server, gate: Gate, name: str = "function") -> None:
        self._reply: Reply | None = None
        self._thread = threading.Thread(target=self._invoke, args=(server, gate, name), daemon=True)
        self._thread.start()
        self._writer = gate.wait()

    def _invoke(self, server: Server, gate: Gate, name: str) -> None:
        self._reply = server.invoke(gate.event, name)

    def release(self) -> Reply:
        """Let it go on; gives its answer."""
        os.close(self._writer)
        return self.reply()

    def drop(self) -> None:
        """Nobody waits at the gate any more."""
        os.close(self._writer)

    def reply(self) -> Reply:
        """Its answer."""
        self._thread.join(SECONDS)
        assert self._reply is not None, "an invocation was not answered"
        return self._reply
