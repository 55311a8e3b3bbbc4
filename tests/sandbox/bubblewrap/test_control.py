"""The server's end of the control socket against a peer that sends what no supervisor sends."""

from __future__ import annotations

import array
import asyncio
import errno
import os
import resource
import socket
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.bubblewrap.control import Control, Lie, Message, Opened, SystemV, Up
from runtime_api.sandbox.bubblewrap.reports import Report, Verb
from tests.sandbox.watch import DEADLINE_S, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FULL = f"{os.strerror(errno.EAGAIN)}|{os.strerror(errno.ETOOMANYREFS)}"  # the latter for an ordinary user
MOST_PASSED = 253  # SCM_MAX_FD (unix(7))


class Peer:
    """A supervisor's end in this process, and what the server's end makes of it; a lie closes that one."""

    def __init__(self) -> None:
        self.heard: list[Message | None] = []  # None: hung up
        self.control = Control(self._take, lambda: self._hear(None))
        self.socket = socket.socket(fileno=self.control.theirs)
        self._news = asyncio.Event()

    def say(self, packet: bytes, descriptors: Sequence[int] = ()) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        self.socket.sendmsg([packet], rights)

    def flood(self, packet: bytes, descriptors: Sequence[int]) -> None:
        """Say it until the socket is full, which takes more than once."""
        self.say(packet, descriptors)
        while True:
            self.say(packet, descriptors)

    async def hears(self) -> Message | None:
        """The next thing that the server's end made of it."""
        async with asyncio.timeout(DEADLINE_S):
            while not self.heard:
                self._news.clear()
                await self._news.wait()
        return self.heard.pop(0)

    def _take(self, message: Message) -> None:
        if isinstance(message, Lie):
            self.control.close()
        self._hear(message)

    def _hear(self, message: Message | None) -> None:
        self.heard.append(message)
        self._news.set()

    def close(self) -> None:
        self.control.close()
        self.socket.close()


def told(packet: bytes, descriptors: Sequence[int] = ()) -> Message | None:
    """What the server's end makes of one packet; it leaves no descriptor open."""

    async def main() -> Message | None:
        peer = Peer()
        try:
            peer.say(packet, descriptors)
            return await peer.hears()
        finally:
            peer.close()

    before = open_files()
    heard: Message | None = run(main())
    for listener in heard.listeners if isinstance(heard, Up) else ():
        listener.close()
    if isinstance(heard, Opened) and heard.socket is not None:
        heard.socket.close()
    for descriptor in heard.lists if isinstance(heard, SystemV) else ():
        os.close(descriptor)
    assert open_files() == before
    return heard


def open_files() -> set[str]:
    """What is open in this process."""
    found = set()
    for path in list(Path("/proc/self/fd").iterdir()):
        with suppress(FileNotFoundError):  # the directory itself
            found.add(f"{path.name} {path.readlink()}")
    return found


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def test_the_sender_is_the_kernels_word() -> None:
    assert told(b"started 3") == Report(Verb.STARTED, 3, (), os.getpid())
    assert told(b"up") == Up(os.getpid(), [])


def test_a_listener_is_passed_on(listener: socket.socket) -> None:
    heard = told(b"up", [listener.fileno()])
    assert isinstance(heard, Up)
    assert len(heard.listeners) == 1


def test_a_socket_is_passed_on_or_there_was_none() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        heard = told(b"socket", [made.fileno()])
    assert isinstance(heard, Opened)
    assert heard.socket is not None
    assert told(b"socket") == Opened(os.getpid(), None)


def test_a_socket_of_another_kind_is_a_lie() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        assert told(b"socket", [made.fileno()]) == Lie("a descriptor that is no socket of TCP")
        assert isinstance(told(b"socket", [made.fileno()] * 2), Lie)


@pytest.mark.parametrize(("count", "passed"), [(0, False), (2, False), (3, True), (4, False)])
def test_the_lists_of_system_v_are_three(count: int, passed: bool) -> None:
    assert isinstance(told(b"system v", [0] * count), SystemV if passed else Lie)


def pipe() -> int:
    read, write = os.pipe()
    os.close(write)
    return read


WRONG: list[Callable[[], int]] = [
    pipe,
    lambda: os.open("/", os.O_RDONLY),
    lambda: os.memfd_create("x"),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).detach(),  # it does not listen
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach(),
    lambda: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).detach(),
    lambda: _unix_listener().detach(),
]


def _unix_listener() -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(f"\0{uuid.uuid4()}")
    listener.listen()
    return listener


@pytest.mark.parametrize("make", WRONG)
def test_a_descriptor_of_another_kind_is_a_lie(make: Callable[[], int]) -> None:
    descriptor = make()
    try:
        assert told(b"up", [descriptor]) == Lie("a descriptor that is no listener")
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("packet", [b"started 3", b"ended 3 0 0", b"refused 3 2 0", b"nonsense", b"x" * 5000])
@pytest.mark.parametrize("count", [1, 2, MOST_PASSED])
def test_descriptors_where_none_belong_are_a_lie(packet: bytes, count: int, listener: socket.socket) -> None:
    assert isinstance(told(packet, [listener.fileno()] * count), Lie)


def test_descriptors_with_an_empty_packet_are_closed() -> None:
    assert told(b"", [0, 1, 2]) is None


@pytest.mark.parametrize("packet", [b"nonsense", b"x" * 100_000, b"started 3" + b" " * 247, b"started 3" * 30])
def test_what_is_no_report_is_a_lie_that_is_quoted_in_part(packet: bytes) -> None:
    heard = told(packet)
    assert isinstance(heard, Lie)
    assert len(heard.what) < 200


def test_of_a_flood_nothing_is_read_after_the_first_lie() -> None:
    async def main() -> None:
        peer = Peer()
        try:
            peer.socket.setblocking(False)
            with pytest.raises(OSError, match=FULL):
                peer.flood(b"nonsense", [0] * MOST_PASSED)
            assert isinstance(await peer.hears(), Lie)
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                peer.say(b"more")
            assert not peer.heard
        finally:
            peer.close()

    before = open_files()
    run(main())
    assert open_files() == before


def test_received_descriptors_are_not_inherited(listener: socket.socket) -> None:
    async def main() -> None:
        peer = Peer()
        try:
            peer.say(b"up", [listener.fileno()])
            heard = await peer.hears()
            assert isinstance(heard, Up)
            (received,) = heard.listeners
            assert not received.get_inheritable()
            received.close()
        finally:
            peer.close()

    run(main())


def test_a_listener_that_found_no_room_is_not_taken_for_none(listener: socket.socket) -> None:
    async def main() -> Message | None:
        peer = Peer()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            peer.say(b"up", [listener.fileno()])
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
            return await peer.hears()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            peer.close()

    assert run(main()) == Lie("b'up' with 0 descriptors and more, or no room here for them")
