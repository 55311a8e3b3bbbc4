"""Named pipes that hold invocations up until a test lets them go on."""

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
    """A named pipe that is visible in every sandbox."""

    def __init__(self) -> None:
        self.path = shown_folder() / f"gate{next(_numbers)}"
        os.mkfifo(self.path)
        self.event = json.dumps({"do": "wait", "gate": str(self.path)}).encode()

    def wait(self) -> int:
        """Wait until the runtime has opened the pipe for reading; return the end to write to."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                assert time.monotonic() < deadline, "no invocation reached the gate"
                time.sleep(0.002)


class Held:
    """An invocation that runs and waits at its gate."""

    def __init__(self, server: Server, gate: Gate, name: str = "function") -> None:
        self._reply: Reply | None = None
        self._thread = threading.Thread(target=self._invoke, args=(server, gate, name), daemon=True)
        self._thread.start()
        self._writer = gate.wait()

    def _invoke(self, server: Server, gate: Gate, name: str) -> None:
        self._reply = server.invoke(gate.event, name)

    def release(self) -> Reply:
        """Let it go on, and return its answer."""
        os.close(self._writer)
        return self.reply()

    def drop(self) -> None:
        """Close the gate without waiting for an answer."""
        os.close(self._writer)

    def reply(self) -> Reply:
        """Wait for the answer."""
        self._thread.join(SECONDS)
        assert self._reply is not None, "an invocation was not answered"
        return self._reply
