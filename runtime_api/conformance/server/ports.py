"""Free ports that no other conformance kit on this machine uses at the same time."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket

__all__ = ["Port"]

# Below the range from which Linux takes ports for clients (ip_local_port_range, 32768 and up): no client's connection
# takes a port between the check here and the moment when the server listens on it.
FIRST_PORT, LAST_PORT = 10000, 32768


class Port:
    """A free port on loopback, reserved until it is released.

    The reservation is an abstract unix socket, which the kernel removes when the process that made it ends.
    """

    _next = itertools.count(os.getpid() * 61)

    def __init__(self) -> None:
        for number in self._next:
            self.number = FIRST_PORT + number % (LAST_PORT - FIRST_PORT)
            self._reservation = socket.socket(socket.AF_UNIX)
            with contextlib.suppress(OSError):
                self._reservation.bind(f"\0bootjack-conform-{self.number}")
                socket.create_server(("127.0.0.1", self.number)).close()
                return
            self._reservation.close()

    def release(self) -> None:
        """Let others use the port."""
        self._reservation.close()
