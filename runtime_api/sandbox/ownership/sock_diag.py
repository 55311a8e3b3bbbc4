"""The kernel's answer to "whose TCP socket is this?": requests and replies of sock_diag(7), as bytes.

A request names one socket by its own address and its peer's; `tcp_sockets.py` sends it. The structs are those of
linux/netlink.h and linux/inet_diag.h, in this machine's byte order except for ports and addresses.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import NamedTuple

__all__ = ["Endpoint", "TcpSocket", "endpoint", "read_reply", "request"]

SOCK_DIAG_BY_FAMILY = 20
NLMSG_ERROR = 2
NLM_F_REQUEST = 1
MAPPED = b"\0" * 10 + b"\xff" * 2  # before an IPv4 address in the form of IPv6 (RFC 4291 2.5.5.2)
ANY_STATE = 0xFFFF_FFFF
ANY_COOKIE = 0xFFFF_FFFF  # INET_DIAG_NOCOOKIE: the addresses alone name the socket
LISTENING = 10  # TCP_LISTEN
MESSAGE = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence number, port
QUERY = struct.Struct("=BBBxI")  # inet_diag_req_v2 up to its id: family, protocol, extensions, states
SOCKET_ID = struct.Struct("!HH16s16s")  # inet_diag_sockid: ports and addresses, own before the peer's
ID_REST = struct.Struct("=III")  # interface, cookie
FOUND = struct.Struct("=BB2x48x3I2I")  # inet_diag_msg: family, state, ..., expires, rqueue, wqueue, uid, inode
ERROR = struct.Struct("=i")


class Endpoint(NamedTuple):
    """One side of a TCP connection."""

    address: bytes  # 4 or 16 bytes; an IPv4 address that came in the form of IPv6 has 4
    port: int
    interface: int = 0  # of a link-local address


class TcpSocket(NamedTuple):
    """What the kernel knows of a socket's owner."""

    inode: int  # 0 once no process holds it
    uid: int  # of the process that made it; of no use once no process holds it, before Linux 6.16


def endpoint(name: tuple[object, ...]) -> Endpoint:
    """Read an address as getsockname(2) gives it. ValueError when it is not one of TCP's."""
    host, port, *rest = name
    if not isinstance(host, str) or not isinstance(port, int):
        raise ValueError(f"{name!r} is no TCP address")
    if ":" not in host:
        return Endpoint(socket.inet_pton(socket.AF_INET, host), port)
    address = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    if address.startswith(MAPPED):
        return Endpoint(address.removeprefix(MAPPED), port)
    interface = rest[1] if len(rest) > 1 and isinstance(rest[1], int) else 0
    return Endpoint(address, port, interface)


def request(own: Endpoint, peer: Endpoint, sequence: int) -> bytes:
    """Ask for the one socket that has these addresses."""
    family = socket.AF_INET if len(own.address) == 4 else socket.AF_INET6
    body = (
        QUERY.pack(family, socket.IPPROTO_TCP, 0, ANY_STATE)
        + SOCKET_ID.pack(own.port, peer.port, own.address, peer.address)
        + ID_REST.pack(own.interface, ANY_COOKIE, ANY_COOKIE)
    )
    return MESSAGE.pack(MESSAGE.size + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, sequence, 0) + body


def read_reply(data: bytes, sequence: int) -> TcpSocket | int:
    """The socket, or an error number; ValueError for anything else.

    Where no connection has these addresses the kernel falls back on a listener of the same port, which may belong to
    anybody: that counts as ENOENT.
    """
    if len(data) < MESSAGE.size:
        raise ValueError("sock_diag: a reply without a header")
    _, kind, _, number, _ = MESSAGE.unpack_from(data)
    body = data[MESSAGE.size :]
    if number != sequence or (kind, len(body) >= FOUND.size) != (SOCK_DIAG_BY_FAMILY, True):
        if number == sequence and kind == NLMSG_ERROR and len(body) >= ERROR.size:
            return -int(ERROR.unpack_from(body)[0])
        raise ValueError(f"sock_diag: a reply of type {kind} with {len(body)} bytes")
    _, state, _, _, _, uid, inode = FOUND.unpack_from(body)
    return errno.ENOENT if state == LISTENING else TcpSocket(inode, uid)
