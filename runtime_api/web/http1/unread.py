"""What a peer has not taken of what was written to it.

The kernel takes more from a transport only when a third of its send buffer is free: 0.8 MB on loopback, which a slow
reader needs minutes for. So a transport that keeps as much as before says nothing about its peer, and the kernel is
asked what the peer has not acknowledged.
"""

from __future__ import annotations

import sys
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

__all__ = ["unread_bytes"]

_NUMBER = bytes(4)


def unread_bytes(transport: asyncio.Transport) -> int:
    """Return how many bytes wait here and in the kernel; 0 when none wait here, and so nobody waits for the peer."""
    waiting = transport.get_write_buffer_size()
    return waiting and waiting + _unacknowledged(transport)


def _unacknowledged(transport: asyncio.Transport) -> int:
    """What the kernel keeps until the peer has acknowledged it (tcp(7): SIOCOUTQ, which has TIOCOUTQ's number)."""
    socket = transport.get_extra_info("socket")
    try:
        return int.from_bytes(ioctl(socket.fileno(), TIOCOUTQ, _NUMBER), sys.byteorder)
    except (OSError, ValueError):  # it has just been closed; macOS does not tell
        return 0
