"""The first process of a bubblewrap sandbox: starts, signals, stops and reaps the others, and tells how they ended.

It runs alone inside, as pid 1 of its namespace, from code that the server hands it (`bubblewrap.BOOT`). So it imports
nothing but what CPython has built in or right beside it, and is there as soon as the interpreter is. Orders are
marshalled tuples, one to a packet; what it tells is a line of ASCII to a packet, since the server believes nothing
that comes out of a sandbox. When the server closes its end this process ends, and with it everything inside.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import marshal
import posix as os
import resource
import select
import sys
from _socket import AF_INET, CMSG_SPACE, MSG_CMSG_CLOEXEC, SCM_RIGHTS, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket

__all__ = ["main"]

ORDER_BYTES = 1 << 20
INTEGER_BYTES = 4
RIGHTS_BYTES = CMSG_SPACE(2 * INTEGER_BYTES)  # two descriptors: for stdout and stderr
BACKLOG = 4096
CHANGING_DIRECTORY = 1  # what was being done when a start was refused
STANDARD = 3  # descriptors from here on are no standard ones
MOST_DESCRIPTORS = 1 << 20
EVERYBODY = -1  # but this process
OOM_SCORE = b"1000"  # when the machine runs out of memory, functions go first


class Supervisor:
    """Carries out orders from `control`, and tells there what became of them."""

    def __init__(self, control: socket, user: tuple[int, int] | None) -> None:
        self._control = control
        self._user = user  # uid and gid for whoever is started; None: those of this process
        self._running: dict[int, str] = {}

    def run(self) -> None:
        """Serve until the server has gone."""
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(woken, False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # without a handler nothing is written to `wake`
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(woken, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if woken in ready:
                os.read(woken, 4096)
                self._reap()
            if self._control.fileno() in ready and not self._obey():
                return

    def _obey(self) -> bool:
        """Carry out one order; False when there will be none any more."""
        packet, ancillary, _, _ = self._control.recvmsg(ORDER_BYTES, RIGHTS_BYTES, MSG_CMSG_CLOEXEC)
        if not packet:
            return False
        verb, *arguments = marshal.loads(packet)
        if verb == "start":
            descriptors = _integers(ancillary[0][2]) if ancillary else []
            self._start(*arguments, *descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
        elif verb == "signal":
            self._signal(*arguments)
        elif verb == "stop":
            _kill(EVERYBODY, signal.SIGSTOP)
        elif verb == "go on":
            _kill(EVERYBODY, signal.SIGCONT)
        return True

    def _start(
        self,
        name: str,
        argv: list[bytes],
        directory: bytes,
        variables: dict[bytes, bytes],
        limits: list[tuple[int, int]],
        stdout: int,
        stderr: int,
    ) -> None:
        pid = os.fork()
        if pid:
            self._running[pid] = name
            return
        stage = 0
        try:
            os.setsid()
            self._tell(f"started {name}")  # the kernel says beside it which process this is outside
            _become(limits, self._user, stdout, stderr)
            stage = CHANGING_DIRECTORY
            os.chdir(directory)
            stage = 0
            os.execve(argv[0], argv, variables)
        except OSError as error:
            self._tell(f"refused {name} {error.errno} {stage}")
        except ValueError:
            self._tell(f"refused {name} 22 0")
        finally:
            os._exit(127)

    def _signal(self, name: str, number: int) -> None:
        for pid, running in self._running.items():
            if running == name:
                _kill(-pid, number)

    def _reap(self) -> None:
        """Let those go that have ended; those of a named process's group end with it."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            pid = ended.si_pid
            name = self._running.pop(pid, None)
            if name is not None:
                _kill(-pid, signal.SIGKILL)  # before its number can be anybody else's
                if not self._running:
                    _kill(EVERYBODY, signal.SIGKILL)  # there is no one left to work for
            _, status, usage = os.wait4(pid, 0)
            if name is not None:
                self._tell(f"ended {name} {status} {int(usage.ru_maxrss)}")

    def _tell(self, line: str) -> None:
        try:  # noqa: SIM105 - contextlib is more than is imported here
            self._control.send(line.encode())
        except BrokenPipeError:
            pass  # the server has gone: the next look at `control` will say so


def _become(limits: list[tuple[int, int]], user: tuple[int, int] | None, stdout: int, stderr: int) -> None:
    """Make this process one that a program can take over."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # which Python ignores
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    nothing = os.open("/dev/null", os.O_RDONLY)
    for descriptor, standard in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(descriptor, standard)
    _write("/proc/self/oom_score_adj", OOM_SCORE)
    if user is not None:
        uid, gid = user
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    for kind, most in limits:
        resource.setrlimit(kind, (most, most))


def _integers(data: bytes) -> list[int]:
    """C's ints, one after the other; the module `array` takes 3 ms to import."""
    return [
        int.from_bytes(data[at : at + INTEGER_BYTES], sys.byteorder)
        for at in range(0, len(data) - INTEGER_BYTES + 1, INTEGER_BYTES)
    ]


def _write(path: str, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY)
    except OSError:
        return
    try:
        os.write(descriptor, content)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _kill(pid: int, number: int) -> None:
    try:
        if pid < EVERYBODY:
            os.killpg(-pid, number)
        else:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def main(control: socket, user: tuple[int, int] | None, own_port: int | None) -> None:
    """Say that the sandbox stands, and serve. `own_port`: of a listener in this network, to be passed out."""
    os.set_inheritable(control.fileno(), False)
    os.closerange(STANDARD, control.fileno())  # what bwrap has left open is nothing for functions
    os.closerange(control.fileno() + 1, MOST_DESCRIPTORS)
    rights = []
    if own_port is not None:
        listener = socket(AF_INET, SOCK_STREAM)
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", own_port))
        listener.listen(BACKLOG)
        rights = [(SOL_SOCKET, SCM_RIGHTS, listener.fileno().to_bytes(INTEGER_BYTES, sys.byteorder))]
    control.sendmsg([b"up"], rights)
    Supervisor(control, user).run()
