"""Connections of the server's to ports at which processes of a sandbox listen, on the loopback that they are in."""

from __future__ import annotations

import asyncio
import socket

__all__ = ["connect_here", "connected"]

FAMILIES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


async def connect_here(port: int) -> socket.socket:
    """Connect to a port of this machine's loopback; a server on `localhost` may listen on one of its addresses only.

    OSError when nothing listens.
    """
    refusal: OSError = ConnectionRefusedError()
    for family, host in FAMILIES:
        try:
            return await connected(socket.socket(family), host, port)
        except OSError as error:
            refusal = error
    raise refusal


async def connected(made: socket.socket, host: str, port: int) -> socket.socket:
    """Connect a socket, in the network that it was made in; it is closed when that fails, with an OSError."""
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (host, port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        made.close()
        raise
    return made
