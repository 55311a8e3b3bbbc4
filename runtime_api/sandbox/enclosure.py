"""One run of bwrap: what it is told to build, the users inside, and the socket to the supervisor."""

from __future__ import annotations

import array
import asyncio
import errno
import marshal
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .reaping import when_ended

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    from runtime_api.protocol.events import ExitStatus

__all__ = ["BUILD_S", "OWN_PORT", "Enclosure", "find_bwrap", "outside_user", "probe_command"]

UID, GID = 993, 990  # sbx_user1051 on Lambda
OWN_PORT = 9001  # where AWS's own Runtime API listens
NOBODY_ELSE = 0x7000_0000  # above what systemd, containers and subordinate ids take; a pid is added
CLOSE_S = 5.0
BUILD_S = 1.0  # for bwrap to find out that nobody waits for it any more
# The kernel kills bwrap with its parent, at any moment; killed before it has let its own child go on, that one waits
# for ever. So it is not for bwrap that waits, for users to be mapped: its processes end when the socket is closed,
# which functions, as other users, cannot keep the supervisor from noticing.
DIE_WITH_PARENT = "--die-with-parent"
WORD_BYTES = 4096
DESCRIPTOR_BYTES = 4
CREDENTIALS_BYTES = 12  # pid, uid, gid
RIGHTS_BYTES = socket.CMSG_SPACE(CREDENTIALS_BYTES) + socket.CMSG_SPACE(DESCRIPTOR_BYTES)
WORDS = re.compile(rb"(started|refused|ended) ([\w.-]{1,128})((?: \d{1,10})*)")
CHILD = re.compile(rb'"child-pid": (\d+)\D')
SUPERVISOR = "runtime_api.sandbox.supervisor"
BOOT = (
    "import marshal,_socket\ns=_socket.socket(fileno={})\nc,u,p=marshal.loads(s.recv(1<<20))\n"
    "g={{'__name__':'supervisor'}}\nexec(c,g)\ng['main'](s,u,p)"
)


class Enclosure:
    """A sandbox that is being built, stands, or has gone."""

    def __init__(
        self,
        mounts: Sequence[str | Path],
        executable: Path,
        user: tuple[int, int] | None,
        own_port: int | None,
        heard: Callable[[str, str, list[int], int], None],
        gone: Callable[[], None],
    ) -> None:
        """`user`: who the processes are outside, see `outside_user`. OSError when bwrap cannot be started.

        `heard` is told a word, the name of a process, numbers, and the pid of who says it; `gone` of the end.
        """
        self._loop = asyncio.get_running_loop()
        self.up: asyncio.Future[socket.socket | None] = self._loop.create_future()
        self._child = 0  # what bwrap has started, when it has said so
        self.supervisor = 0  # its pid as it is known outside
        self.has_gone = False
        self._heard = heard
        self._tell_gone = gone
        self._user = user
        self._ended = asyncio.Event()
        self._errors = self._info = self._block = -1
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        given = [theirs.detach()]
        try:
            self._process = self._spawn(given, mounts, executable, own_port is not None)
        except OSError:
            self._release()
            raise
        finally:
            for descriptor in given:
                os.close(descriptor)
        when_ended(self._process, self._bwrap_ended)
        self._loop.add_reader(self._control.fileno(), self._readable)
        if user is not None:
            self._loop.add_reader(self._info, self._map_users)
        self._control.send(marshal.dumps((_supervisor_code(), None if user is None else (UID, GID), own_port)))

    def _spawn(
        self, given: list[int], mounts: Sequence[str | Path], executable: Path, own_network: bool
    ) -> subprocess.Popen[bytes]:
        """Start bwrap; what is opened for it is added to `given`, of which the first is the supervisor's socket."""
        self._errors, errors = _pipe(given, written=True)
        held = []
        arguments = [find_bwrap() or "bwrap", *_namespaces(own_network)]
        if self._user is None:
            arguments += [DIE_WITH_PARENT, "--uid", str(UID), "--gid", str(GID)]
        else:
            self._info, info = _pipe(given, written=True)
            self._block, block = _pipe(given, written=False)
            held.append(self._info)  # or it would end, and leave its child waiting, when nobody reads what it tells
            arguments += ["--info-fd", str(info), "--userns-block-fd", str(block), "--cap-drop", "ALL"]
            arguments += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_KILL"]
        arguments += [*_opened(mounts, given), "--", str(executable), "-I", "-S", "-c", BOOT.format(given[0])]
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={},
            pass_fds=[descriptor for descriptor in (*given, *held) if descriptor != errors],
            start_new_session=True,
        )

    def order(self, *order: Any, descriptors: Sequence[int] = ()) -> None:
        """Tell the supervisor to do something; it is done in order. OSError when it cannot be told."""
        if self.has_gone or self._control.fileno() < 0:  # the supervisor ends before bwrap does
            return
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        try:
            self._control.sendmsg([marshal.dumps(order)], rights)
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                raise OSError(errno.E2BIG, os.strerror(errno.E2BIG)) from None
            if error.errno not in (errno.EPIPE, errno.ECONNRESET):  # then its end is about to be noticed
                raise

    async def close(self) -> None:
        """End whatever is left inside, and give everything back."""
        if not self.has_gone:
            self._hang_up()
            self._unblock()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S if self.supervisor else BUILD_S):
                    await self._ended.wait()
                    return
            for pid in filter(None, (self.supervisor, self._child)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.kill()
        await self._ended.wait()

    # -- what comes from inside

    def _readable(self) -> None:
        while not self.has_gone:
            try:
                packet, ancillary, _, _ = self._control.recvmsg(WORD_BYTES, RIGHTS_BYTES)
            except BlockingIOError:
                return
            except OSError:
                packet, ancillary = b"", []
            if not packet:
                self._hang_up()
                return
            self._take(packet, _sender(ancillary), _descriptors(ancillary))

    def _take(self, packet: bytes, pid: int, descriptors: list[int]) -> None:
        if packet == b"up" and not self.up.done():
            self.supervisor = pid
            listener = socket.socket(fileno=descriptors.pop()) if descriptors else None
            self.up.set_result(listener)
        for descriptor in descriptors:
            os.close(descriptor)
        found = WORDS.fullmatch(packet)
        if found:
            word, name, numbers = found.groups()
            self._heard(word.decode(), name.decode(), [int(number) for number in numbers.split()], pid)

    def _map_users(self) -> None:
        """Tell the kernel, once there is a namespace, who is who in it; bwrap waits for that.

        It may write more later, so our end of what it writes to stays open.
        """
        found = CHILD.search(os.read(self._info, WORD_BYTES) + b"\n")
        if found and self._user is not None:
            uid, gid = self._user
            self._child = int(found[1])
            number = NOBODY_ELSE + self._process.pid
            with suppress(OSError):  # bwrap will say so, and end
                proc = Path("/proc") / str(self._child)
                (proc / "uid_map").write_text(f"0 0 1\n{UID} {number if uid < 0 else uid} 1\n")
                (proc / "gid_map").write_text(f"0 0 1\n{GID} {number if gid < 0 else gid} 1\n")
        self._unblock()

    def _unblock(self) -> None:
        """Let bwrap go on, whether or not users are mapped."""
        if self._block >= 0:
            self._loop.remove_reader(self._info)
            os.close(self._block)
            self._block = -1

    # -- its end

    def _hang_up(self) -> None:
        """The supervisor ends when nobody is at the other end, and everything inside with it."""
        if self._control.fileno() >= 0:
            self._loop.remove_reader(self._control.fileno())
            self._control.close()

    def _bwrap_ended(self, _status: ExitStatus, _maxrss: int) -> None:
        if self._control.fileno() >= 0:
            self._readable()
        self.has_gone = True
        self._hang_up()
        os.set_blocking(self._errors, False)
        said = ""
        with suppress(BlockingIOError):
            said = os.read(self._errors, WORD_BYTES).decode(errors="replace").strip()
        if not self.up.done():
            self.up.set_exception(
                OSError(errno.EPERM, f"the sandbox could not be built: {said or 'bwrap was killed'}")
            )
            self.up.exception()  # nobody may be there to look at it
        self._release()
        self._ended.set()
        self._tell_gone()

    def _release(self) -> None:
        if self._info >= 0:
            self._loop.remove_reader(self._info)
        for descriptor in (self._errors, self._info, self._block):
            if descriptor >= 0:
                os.close(descriptor)
        self._errors = self._info = self._block = -1
        self._control.close()


def _pipe(given: list[int], *, written: bool) -> tuple[int, int]:
    """A pipe: our end, and that which is added to what bwrap is given, which is `written` by it or read."""
    read, write = os.pipe()
    ours, theirs = (read, write) if written else (write, read)
    given.append(theirs)
    return ours, theirs


def _opened(mounts: Sequence[str | Path], given: list[int]) -> list[str]:
    """The arguments, with descriptors for files; these are added to those that bwrap is given."""
    arguments = []
    for argument in mounts:
        if isinstance(argument, Path):
            given.append(os.open(argument, os.O_RDONLY | os.O_CLOEXEC))
            arguments.append(str(given[-1]))
        else:
            arguments.append(argument)
    return arguments


def _namespaces(own_network: bool) -> list[str]:
    arguments = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", "localhost"]
    arguments.append("--as-pid-1")
    return [*arguments, "--unshare-net"] if own_network else arguments


@cache
def _supervisor_code() -> CodeType:
    code = SourceFileLoader(SUPERVISOR, str(Path(__file__).with_name("supervisor.py"))).get_code(SUPERVISOR)
    assert code is not None
    return code


def find_bwrap() -> str | None:
    """Where bubblewrap is on this machine."""
    return shutil.which("bwrap")


def probe_command() -> list[str]:
    """Ends with 0 where sandboxes can be built."""
    arguments = ["--uid", str(UID), "--gid", str(GID), "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    nothing = ("/bin/sh", "-c", ":")  # which ends by itself, so that nobody has to see to it
    return [find_bwrap() or "bwrap", *_namespaces(False), *arguments, "--size", "4096", "--tmpfs", "/tmp", *nothing]


def outside_user(shown: Sequence[str]) -> tuple[int, int] | None:
    """Who a function's processes are outside, when that may be chosen: uid and gid, -1 for one that is nobody else's.

    None: the user that this process is. Only root can choose. When not everybody may look at what is shown (a
    temporary directory, say), they are its owner, or they could not read their own code.
    """
    if os.geteuid() != 0 or not _has_all_users():
        return None
    for path in shown:
        try:
            found = Path(path).stat()
        except OSError:
            continue  # bwrap will say so
        wanted = 0o005 if stat.S_ISDIR(found.st_mode) else 0o004
        if found.st_mode & wanted != wanted:
            return None if found.st_uid == 0 else (found.st_uid, found.st_gid)
    return -1, -1


@cache
def _has_all_users() -> bool:
    """Whether this is the machine's root, and not one inside a user namespace."""
    try:
        return Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]
    except OSError:
        return False


def _sender(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    """The pid, as it is known here, of who sent a packet; by the kernel's word."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            return int.from_bytes(data[:4], sys.byteorder)
    return 0


def _descriptors(ancillary: Sequence[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return list(found)
