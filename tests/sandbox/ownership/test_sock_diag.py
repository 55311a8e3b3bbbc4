"""Which socket has these addresses: requests and replies as bytes, and the kernel's own answers."""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.ownership import tcp_sockets
from runtime_api.sandbox.ownership.sock_diag import Endpoint, TcpSocket, endpoint, read_reply, request
from runtime_api.sandbox.ownership.tcp_sockets import can_ask, find_socket

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = b"\x7f\0\0\1"
FOUND_BYTES = 72
ESTABLISHED, LISTENING = 1, 10


@pytest.mark.parametrize(
    ("name", "read"),
    [
        (("127.0.0.1", 80), Endpoint(LOOPBACK, 80)),
        (("::1", 80, 0, 0), Endpoint(b"\0" * 15 + b"\1", 80)),
        (("::ffff:127.0.0.1", 80, 0, 0), Endpoint(LOOPBACK, 80)),
        (("fe80::1%eth0", 80, 0, 7), Endpoint(b"\xfe\x80" + b"\0" * 13 + b"\1", 80, 7)),
    ],
)
def test_an_address_is_read_as_getsockname_gives_it(name: tuple[object, ...], read: Endpoint) -> None:
    assert endpoint(name) == read


@pytest.mark.parametrize("name", [(), ("",), ("localhost", 80), (b"\0abstract",), (80, "127.0.0.1")])
def test_what_is_no_tcp_address_is_refused(name: tuple[object, ...]) -> None:
    with pytest.raises((ValueError, OSError)):
        endpoint(name)


def test_a_request_has_the_kernel_s_layout() -> None:
    packed = request(Endpoint(LOOPBACK, 0x1234), Endpoint(b"\x0a\0\0\2", 80), 9)
    header = struct.pack("=IHHII", 72, 20, 1, 9, 0)
    query = bytes((socket.AF_INET, socket.IPPROTO_TCP, 0, 0)) + b"\xff" * 4
    addresses = b"\x12\x34\0\x50" + LOOPBACK + b"\0" * 12 + b"\x0a\0\0\2" + b"\0" * 12
    assert packed == header + query + addresses + b"\0" * 4 + b"\xff" * 8


def reply(kind: int, body: bytes, sequence: int = 9) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, sequence, 0) + body


def found(state: int, uid: int, inode: int) -> bytes:
    return bytes((socket.AF_INET, state)).ljust(FOUND_BYTES - 8, b"\0") + struct.pack("=II", uid, inode)


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (reply(20, found(ESTABLISHED, 1000, 77)), TcpSocket(77, 1000)),
        (reply(20, found(ESTABLISHED, 1000, 77) + b"attributes"), TcpSocket(77, 1000)),
        (reply(20, found(LISTENING, 1000, 77)), errno.ENOENT),
        (reply(2, struct.pack("=i", -errno.EPERM) + b"\0" * 16), errno.EPERM),
    ],
)
def test_a_reply_is_read(data: bytes, read: TcpSocket | int) -> None:
    assert read_reply(data, 9) == read


@pytest.mark.parametrize(
    "data",
    [b"", b"x" * 15, reply(20, b""), reply(20, found(1, 2, 3), 8), reply(2, b""), reply(3, found(1, 2, 3))],
)
def test_another_reply_is_no_answer(data: bytes) -> None:
    with pytest.raises(ValueError, match="sock_diag"):
        read_reply(data, 9)


# -- real sockets

Pair = tuple[socket.socket, socket.socket, socket.socket]


@pytest.fixture(params=["IPv4", "IPv6", "IPv4 at a listener for both"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """A listener, a connected socket, and the accepted one."""
    both = "both" in request.param
    host = "127.0.0.1" if request.param == "IPv4" else "::1"
    family = socket.AF_INET if request.param == "IPv4" else socket.AF_INET6
    listener = socket.create_server(("::" if both else host, 0), family=family, dualstack_ipv6=both)
    connected = socket.socket(socket.AF_INET if both else family)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connected.bind(("127.0.0.1" if both else host, 0))  # a port that no connection which is over has had
    connected.connect(("127.0.0.1" if both else host, listener.getsockname()[1]))
    accepted, _ = listener.accept()
    yield listener, connected, accepted
    for each in (listener, connected, accepted):
        each.close()


def peer_of(accepted: socket.socket) -> TcpSocket | None:
    return find_socket(endpoint(accepted.getpeername()), endpoint(accepted.getsockname()))


def test_the_kernel_knows_the_peer_s_socket(pair: Pair) -> None:
    _, connected, accepted = pair
    assert peer_of(accepted) == TcpSocket(os.fstat(connected.fileno()).st_ino, os.geteuid())


def test_a_closed_socket_is_held_by_nobody(pair: Pair) -> None:
    _, connected, accepted = pair
    connected.close()
    assert (peer_of(accepted) or TcpSocket(0, 0)).inode == 0


def test_a_listener_on_the_port_of_a_connection_that_is_over_does_not_stand_for_it(pair: Pair) -> None:
    """Otherwise the connection would belong to the process that listens there, not to the one that has reset it."""
    _, connected, accepted = pair
    own, peer = endpoint(accepted.getsockname()), endpoint(accepted.getpeername())
    host, port, *_ = connected.getsockname()
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with socket.socket(connected.family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))  # before the port is free: another process may be quicker
        connected.close()
        listener.listen()
        assert find_socket(peer, own) is None


def test_here_the_kernel_can_be_asked() -> None:
    assert can_ask() is (sys.platform == "linux")


def test_a_kernel_that_knows_no_socket_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_sockets, "find_socket", lambda *_: None)
    assert not can_ask.__wrapped__()


def test_too_many_open_files_do_not_mean_that_the_kernel_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(tcp_sockets, "find_socket", fail)
    with pytest.raises(OSError, match="too many"):
        can_ask.__wrapped__()
