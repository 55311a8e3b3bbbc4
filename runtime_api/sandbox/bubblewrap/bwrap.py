"""bwrap as a child process: its command line, its pipes, and the users that it waits for."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.sandbox.network import Network
from runtime_api.sandbox.processes.reaping import kill_group, when_ended

from .users import GID, UID, UNIQUE, map_users, unique_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runtime_api.sandbox.processes.reaping import Reaped

    from .users import User

__all__ = ["NO_USER_NAMESPACES", "Argument", "BwrapProcess", "Construction", "find_bwrap", "probe_command"]

MESSAGE_BYTES = 4096
CHILD = re.compile(rb'"child-pid": (\d+)\D')
# The kernel kills bwrap with its parent, at any moment. If bwrap is killed before it lets its own child go on, that
# child waits for ever. So this is not for a bwrap that waits until users are mapped: there everything ends when the
# socket to the supervisor is closed, and functions, being other users, cannot keep the supervisor from noticing.
DIE_WITH_PARENT = "--die-with-parent"
# To become the function's user and to signal it, and to let go of the rest (`rights.py`).
SUPERVISOR_PRIVILEGES = ("CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_SETPCAP")
BIND_SERVICE = "CAP_NET_BIND_SERVICE"  # to listen on ports below 1024 (capabilities(7))
NO_USER_NAMESPACES = "--disable-userns"  # bubblewrap 0.8
KEYS = Path("/proc/keys")  # lists the keys of the user who runs bootjack, with their names
MASKED = ("--ro-bind", "/dev/null", str(KEYS))  # a device that may not be opened, in its place

# A Path stands for a descriptor of that file, bytes for one of a file with this content.
Argument = str | Path | bytes


class Construction(NamedTuple):
    """What bwrap is to build."""

    mounts: Sequence[Argument]
    program: Sequence[str]  # the first process
    user: User | None  # who the other processes are on the host, see `users.py`
    network: Network
    inherited: Sequence[int]  # descriptors for the first process; they stay open here
    low_ports: bool = False  # the first process listens on ports below 1024
    no_user_namespaces: bool = False  # none can be made; has no effect where users are mapped: bwrap does not do both


class BwrapProcess:
    """bwrap from its start to its end."""

    def __init__(self, construction: Construction, ended: Reaped, born: Callable[[int], None] | None = None) -> None:
        """Start it. `born` gets the pid of its first process as soon as that has its namespaces.

        OSError when it cannot be started.
        """
        self._loop = asyncio.get_running_loop()
        self._user = construction.user
        self._born = born
        self._errors = self._info = self._block = -1
        given: list[int] = []
        try:
            self._process = self._spawn(construction, given)
            when_ended(self._process, ended)
        except BaseException:
            self.release()
            raise
        finally:
            for descriptor in given:
                os.close(descriptor)
        if self._info >= 0:
            self._loop.add_reader(self._info, self._announced)

    @property
    def unique_user(self) -> int | None:
        """The uid that the processes inside have on the host, and no others; None if they share one."""
        return unique_id(self._process.pid) if self._user == UNIQUE else None

    @property
    def pid(self) -> int:
        """Its pid, until its end has been reported."""
        return self._process.pid

    def message(self) -> str:
        """What it has written to stderr."""
        os.set_blocking(self._errors, False)
        with suppress(BlockingIOError):
            return os.read(self._errors, MESSAGE_BYTES).decode(errors="replace").strip()
        return ""

    def kill(self) -> None:
        """Kill it and what it has started; only before its end has been reported."""
        kill_group(self._process.pid)

    def release(self) -> None:
        """Close its pipes."""
        if self._info >= 0:
            self._loop.remove_reader(self._info)
        for descriptor in (self._errors, self._info, self._block):
            if descriptor >= 0:
                os.close(descriptor)
        self._errors = self._info = self._block = -1

    def _spawn(self, construction: Construction, given: list[int]) -> subprocess.Popen[bytes]:
        """Start it; what is opened for it is added to `given`."""
        self._errors, errors = _pipe(given, written=True)
        passed = [*construction.inherited]
        arguments = [find_bwrap() or "bwrap", *_namespaces(construction.network), "--cap-drop", "ALL"]
        if self._user is not None or self._born is not None:
            self._info, info = _pipe(given, written=True)
            # With our end closed, what bwrap writes to the pipe would kill it and leave its child waiting: it holds
            # that end open itself.
            passed.append(self._info)
            arguments += ["--info-fd", str(info)]
        if self._user is None:
            arguments += [DIE_WITH_PARENT, "--uid", str(UID), "--gid", str(GID)]
            arguments += [NO_USER_NAMESPACES] if construction.no_user_namespaces else []
        else:
            self._block, block = _pipe(given, written=False)
            arguments += ["--userns-block-fd", str(block)]
            privileges = (*SUPERVISOR_PRIVILEGES, *([BIND_SERVICE] if construction.low_ports else []))
            arguments += [word for name in privileges for word in ("--cap-add", name)]
        masked = MASKED if KEYS.exists() else ()
        arguments += _opened([*construction.mounts, *masked], given)
        arguments += ["--", *construction.program]
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={},
            pass_fds=[*passed, *(descriptor for descriptor in given if descriptor != errors)],
            start_new_session=True,
        )

    def _announced(self) -> None:
        """Once there are namespaces, map the users and let bwrap go on, whether or not that worked.

        bwrap may write more later, so our end of the pipe stays open.
        """
        self._loop.remove_reader(self._info)
        found = CHILD.search(os.read(self._info, MESSAGE_BYTES) + b"\n")
        if found and self._user is not None:
            with suppress(OSError):  # bwrap reports it, and ends
                map_users(int(found[1]), self._user, self._process.pid)
        if found and self._born is not None:
            self._born(int(found[1]))
        if self._block >= 0:
            os.close(self._block)
            self._block = -1


def find_bwrap() -> str | None:
    """Where bubblewrap is on this machine."""
    return shutil.which("bwrap")


def probe_command(*more: str) -> list[str]:
    """A command that ends with 0 where sandboxes can be built with the options `more`, and by itself in any case."""
    arguments = ["--uid", str(UID), "--gid", str(GID), "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    arguments += ["--size", "4096", "--tmpfs", "/tmp"]
    return [find_bwrap() or "bwrap", *_namespaces(Network.HOST), *more, *arguments, "/bin/sh", "-c", ":"]


def _namespaces(network: Network) -> list[str]:
    arguments = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", "localhost"]
    arguments.append("--as-pid-1")
    return arguments if network is Network.HOST else [*arguments, "--unshare-net"]


def _pipe(given: list[int], *, written: bool) -> tuple[int, int]:
    """Open a pipe: our end, and bwrap's, which it writes to or reads and which is added to `given`."""
    read, write = os.pipe()
    ours, theirs = (read, write) if written else (write, read)
    given.append(theirs)
    return ours, theirs


def _opened(mounts: Sequence[Argument], given: list[int]) -> list[str]:
    """The arguments, with descriptors in the place of files; these are added to `given`."""
    arguments = []
    for argument in mounts:
        if isinstance(argument, Path):
            given.append(os.open(argument, os.O_RDONLY | os.O_CLOEXEC))
            arguments.append(str(given[-1]))
        elif isinstance(argument, bytes):
            given.append(os.memfd_create("file"))
            os.write(given[-1], argument)
            os.lseek(given[-1], 0, os.SEEK_SET)
            arguments.append(str(given[-1]))
        else:
            arguments.append(argument)
    return arguments
