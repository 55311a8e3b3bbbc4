"""Asks the kernel for the owner of a TCP socket of this machine, over netlink: 8 µs a question."""

from __future__ import annotations

import errno
import os
import socket
from functools import cache

from .sock_diag import Endpoint, TcpSocket, endpoint, read_reply, request

__all__ = ["can_ask", "find_socket"]

NETLINK_SOCK_DIAG = 4  # linux/netlink.h
KERNEL = (0, 0)  # the port and the groups of who is asked
REPLY_BYTES = 4096
ANSWER_S = 0.1  # the kernel answers before `send` returns
SEQUENCE = 1
TRANSIENT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def find_socket(own: Endpoint, peer: Endpoint) -> TcpSocket | None:
    """The socket with these addresses in this network; None if there is none, or no connection any more.

    OSError where the kernel does not say.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(ANSWER_S)
        kernel.sendto(request(own, peer, SEQUENCE), KERNEL)
        try:
            reply = read_reply(kernel.recv(REPLY_BYTES), SEQUENCE)
        except ValueError as error:
            raise OSError(errno.EPROTO, str(error)) from None
    if isinstance(reply, TcpSocket):
        return reply
    if reply == errno.ENOENT:
        return None
    raise OSError(reply, os.strerror(reply))


@cache
def can_ask() -> bool:
    """Whether the kernel says who owns a socket.

    macOS has no netlink, some containers and sandboxes refuse it, and a kernel without tcp_diag gives ENOENT as it
    does for a connection that is over. So it is asked for a connection that certainly exists. OSError, and the answer
    is still open, where this process or the machine has too many files open.
    """
    if not hasattr(socket, "AF_NETLINK"):
        return False
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            socket.create_connection(listener.getsockname()) as connection,
        ):
            found = find_socket(endpoint(connection.getsockname()), endpoint(connection.getpeername()))
            return found is not None and found.inode == os.fstat(connection.fileno()).st_ino
    except OSError as error:
        if error.errno in TRANSIENT:
            raise
        return False
