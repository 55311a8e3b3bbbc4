"""slirp4netns or pasta as a child process, one for each sandbox that has a way to the outside.

    WAITING --bwrap has set up loopback and users--> STARTING --the interface is there--> READY --> OVER
       '------------------------------------------------'---------it ends, is closed or takes too long---^

The helper starts beside its sandbox, while bwrap still builds it, and ends with it. If this process is killed, it
ends because its lifeline does. One that has ended is not started again: a function that finds a way to crash it must
not make this process start one after the other.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import resource
import subprocess
from contextlib import suppress
from enum import Enum
from fcntl import ioctl
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.sandbox.processes.reaping import kill_group, when_ended

from .outside import Given, start_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.events import ExitStatus

    from .outside import Tool

__all__ = ["OutsideHelper", "OutsideLost", "OutsideReady"]

READY_S = 3.0
MESSAGE_BYTES = 4096
SHOWN = 300  # characters of what the program has said
READY = re.compile(rb"^\d+\n?\Z", re.MULTILINE)  # what both programs write last: slirp4netns 1, pasta its pid
NS_GET_USERNS = 0xB701  # the user namespace that owns a namespace (ioctl_ns(2))
OWN_NETWORK = Path("/proc/self/ns/net")
LOOPBACK = b"127.0.0.1"
LOOK_S = 0.001
MOST_FILES = 1024
OOM_SCORE = "1000"  # if the machine runs out of memory, the kernel kills functions and what is theirs first


class OutsideReady(NamedTuple):
    """The interface can be used."""


class OutsideLost(NamedTuple):
    """The sandbox has no way to the outside: the helper could not do its work, or has ended."""

    reason: str
    was_ready: bool


class State(Enum):
    """How far the helper has come."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    OVER = "over"  # it has ended or is about to; nothing more is told


class OutsideHelper:
    """Tells `tell` when the interface is ready, and when it is lost without having been closed."""

    def __init__(self, tool: Tool, inside: int, tell: Callable[[OutsideReady | OutsideLost], None]) -> None:
        """Start it for the network of the process `inside`, the first one there. OSError if that is not possible."""
        self._loop = asyncio.get_running_loop()
        self._tool = tool
        self._tell = tell
        self._state = State.WAITING
        self._process: subprocess.Popen[bytes] | None = None
        self._reaped = asyncio.Event()
        self._written = b""
        self._lifeline = self._ready = self._said = -1
        self._namespaces = _namespaces(inside)
        self._late = self._loop.call_later(READY_S, self._lose, f"is not ready within {READY_S:g} s")
        self._timer = self._loop.call_later(LOOK_S, self._wait, Path("/proc") / str(inside))

    def close(self) -> None:
        """Begin to end it; nothing more is told."""
        if self._state is not State.OVER:
            self._enter(State.OVER)
            if self._process is None:
                self._release()
            elif not self._reaped.is_set():
                kill_group(self._process.pid)

    @property
    def is_reaped(self) -> bool:
        """Whether nothing of it is left."""
        return self._process is None or self._reaped.is_set()

    async def ended(self) -> None:
        """Wait until it has been reaped. Its interface is gone then, which takes the kernel some 30 ms."""
        if self._process is not None:
            await self._reaped.wait()

    def _wait(self, process: Path) -> None:
        """Start the program once bwrap has done its part with this process: no event tells."""
        if _is_set_up(process):
            self._start()
        else:
            self._timer = self._loop.call_later(LOOK_S, self._wait, process)

    def _start(self) -> None:
        given, self._namespaces = [*self._namespaces], ()
        try:
            self._process = self._spawn(given)
            when_ended(self._process, self._ended)
        except OSError as error:
            self._process = None
            self._lose(f"cannot be started: {(error.strerror or str(error)).lower()}")
        else:
            self._state = State.STARTING
            self._loop.add_reader(self._ready, self._look)
            _bound(self._process.pid)
        finally:
            for descriptor in given:
                os.close(descriptor)

    def _spawn(self, given: list[int]) -> subprocess.Popen[bytes]:
        """Start it; what is opened for it is added to `given`."""
        network, users = given
        lifeline, self._lifeline = os.pipe()
        given.append(lifeline)
        self._ready, ready = os.pipe()
        given.append(ready)
        self._said, said = os.pipe()
        given.append(said)
        for written in (ready, said):  # a program that says too much loses the rest: it never waits for a reader
            os.set_blocking(written, False)
        start = start_of(self._tool, Given(network, users, ready, lifeline, said), root=os.geteuid() == 0)
        stdin, stdout, stderr = (subprocess.DEVNULL if each < 0 else each for each in start.standard)
        return subprocess.Popen(
            start.command, stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=given, start_new_session=True
        )

    def _look(self) -> None:
        """Read what has come through the pipe that shows that it is ready."""
        written = os.read(self._ready, MESSAGE_BYTES)
        self._written = (self._written + written)[-MESSAGE_BYTES:]
        if not written:
            self._loop.remove_reader(self._ready)  # its end follows
        elif READY.search(self._written):
            self._enter(State.READY)
            self._tell(OutsideReady())

    def _lose(self, reason: str) -> None:
        was_ready = self._state is State.READY
        self.close()
        self._tell(OutsideLost(f"{self._tool.name} {reason}", was_ready))

    def _ended(self, status: ExitStatus, _maxrss: int) -> None:
        self._reaped.set()
        if self._state is not State.OVER:
            words = f"was killed by signal {status.signal}" if status.signal else f"has ended with code {status.code}"
            self._lose(f"{words}{self._message()}")
        self._release()

    def _message(self) -> str:
        """What it has said, as the end of a sentence; it is not ready before it has said all that matters."""
        said = self._written
        for descriptor in (self._ready, self._said):
            os.set_blocking(descriptor, False)
            with suppress(BlockingIOError):
                said += os.read(descriptor, MESSAGE_BYTES)
        lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
        return f" ({'; '.join(lines)[:SHOWN]})" if lines else ""

    def _enter(self, state: State) -> None:
        """Stop waiting for it to become ready."""
        self._state = state
        self._late.cancel()
        self._timer.cancel()
        if self._ready >= 0:
            self._loop.remove_reader(self._ready)

    def _release(self) -> None:
        for descriptor in (*self._namespaces, self._lifeline, self._ready, self._said):
            if descriptor >= 0:
                os.close(descriptor)
        self._namespaces = ()
        self._lifeline = self._ready = self._said = -1


def _bound(pid: int) -> None:
    """Bound what a function can make the helper take: it has a socket and buffers for each connection."""
    with suppress(OSError):  # it has ended, or may not be bounded any more
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (MOST_FILES, MOST_FILES))
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(OOM_SCORE)


def _is_set_up(process: Path) -> bool:
    """Whether the loopback interface is up, and the users are mapped.

    slirp4netns and pasta bring that interface up, too, and then bwrap fails to; and they need the users.
    """
    try:
        return LOOPBACK in (process / "net/fib_trie").read_bytes() and bool((process / "gid_map").read_bytes())
    except OSError:
        return False  # it has ended, which is about to close this helper


def _namespaces(inside: int) -> tuple[int, ...]:
    """The network namespace of this process, and the user namespace that owns it, as descriptors."""
    network = os.open(f"/proc/{inside}/ns/net", os.O_RDONLY)
    try:
        if os.path.samestat(os.fstat(network), OWN_NETWORK.stat()):  # another process has this number by now
            raise OSError(errno.ESRCH, os.strerror(errno.ESRCH))
        return network, ioctl(network, NS_GET_USERNS)
    except BaseException:
        os.close(network)
        raise
