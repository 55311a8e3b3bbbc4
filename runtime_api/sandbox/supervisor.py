"""The first process of a bubblewrap sandbox: starts, signals, freezes and reaps the others, and reports how they end.

It runs as pid 1 of its namespace, from code that the server sends it (`enclosure.BOOT`). So it imports only what
CPython has built in or right beside it, and is ready as soon as the interpreter is. Orders are marshalled tuples,
reports are lines of ASCII, since the server trusts nothing that comes out of a sandbox; each is one packet. When the
server closes its end of the socket this process ends, and with it everything inside.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import marshal
import posix as os
import resource
import select
import sys
import time
from _socket import AF_INET, CMSG_SPACE, MSG_CMSG_CLOEXEC, SCM_RIGHTS, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket

__all__ = ["main"]

ORDER_BYTES = 1 << 20
INTEGER_BYTES = 4
RIGHTS_BYTES = CMSG_SPACE(2 * INTEGER_BYTES)  # two descriptors: for stdout and stderr
BACKLOG = 4096
CHANGING_DIRECTORY = 1  # what a refused start failed at; 0 for anything else
STANDARD = 3  # the first descriptor after stdin, stdout and stderr
MOST_DESCRIPTORS = 1 << 20
REAP_S = 0.5  # to wait for killed processes; SIGKILL ends one at once unless the kernel holds it
ALL_OTHERS = -1  # except this process (kill(2))
NICE = 5  # functions give way to the server and to a desktop, and still get a third of a busy processor (sched(7))
OOM_SCORE = b"1000"  # if the machine runs out of memory, the kernel kills functions first


class Supervisor:
    """Carries out orders from `control` and reports there what became of them."""

    def __init__(self, control: socket, user: tuple[int, int] | None) -> None:
        self._control = control
        self._user = user  # uid and gid of the processes; None: those of this process
        self._running: dict[int, str] = {}

    def run(self) -> None:
        """Serve until the server closes its end."""
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
        """Carry out one order; False when the server has closed its end."""
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
        elif verb == "freeze":
            _kill(ALL_OTHERS, signal.SIGSTOP)
        elif verb == "thaw":
            _kill(ALL_OTHERS, signal.SIGCONT)
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
        try:
            pid = os.fork()
        except OSError as error:  # a fork bomb inside has used up what the control group allows
            self._report(f"refused {name} {error.errno} 0")
            return
        if pid:
            self._running[pid] = name
            return
        stage = 0
        try:
            os.setsid()
            self._report(f"started {name}")  # the kernel adds which process this is outside (SO_PASSCRED)
            _become(limits, self._user, stdout, stderr)
            stage = CHANGING_DIRECTORY
            os.chdir(directory)
            stage = 0
            os.execve(argv[0], argv, variables)
        except OSError as error:
            self._report(f"refused {name} {error.errno} {stage}")
        except ValueError:
            self._report(f"refused {name} 22 0")
        finally:
            os._exit(127)

    def _signal(self, name: str, number: int) -> None:
        for pid, running in self._running.items():
            if running == name:
                _kill(-pid, number)

    def _reap(self) -> None:
        """Reap what has ended; the group of a named process ends with it."""
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
                _kill(-pid, signal.SIGKILL)  # before it is reaped: then its number could belong to others
                if not self._running:
                    _kill(ALL_OTHERS, signal.SIGKILL)  # processes that left their group have nothing left to work for
            _, status, usage = os.wait4(pid, 0)
            if name is not None:
                if not self._running:
                    _reap_killed()
                self._report(f"ended {name} {status} {int(usage.ru_maxrss)}")

    def _report(self, line: str) -> None:
        try:  # noqa: SIM105 - contextlib would have to be imported
            self._control.send(line.encode())
        except BrokenPipeError:
            pass  # the server has gone; the next poll of `control` shows it


def _reap_killed() -> None:
    """Reap what was killed, so that no later process meets it; what the kernel does not let go is left behind."""
    deadline = time.monotonic() + REAP_S
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            time.sleep(0.001)


def _become(limits: list[tuple[int, int]], user: tuple[int, int] | None, stdout: int, stderr: int) -> None:
    """Prepare this process for execve."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and execve keeps that
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    nothing = os.open("/dev/null", os.O_RDONLY)
    for descriptor, standard in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(descriptor, standard)
    _write("/proc/self/oom_score_adj", OOM_SCORE)
    os.nice(NICE)
    if user is not None:
        uid, gid = user
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    for kind, most in limits:
        resource.setrlimit(kind, (most, most))


def _integers(data: bytes) -> list[int]:
    """Read C's ints, one after the other; to import the module `array` takes 3 ms."""
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
        if pid < ALL_OTHERS:
            os.killpg(-pid, number)
        else:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _send_system_v(control: socket) -> None:
    """Give the server the lists of System V's memory: the kernel shows those of the namespace that opens them."""
    lists = []
    for name in ("shm", "msg", "sem"):
        try:
            lists.append(os.open("/proc/sysvipc/" + name, os.O_RDONLY))
        except OSError:  # a kernel without them
            return
    packed = b"".join(descriptor.to_bytes(INTEGER_BYTES, sys.byteorder) for descriptor in lists)
    try:  # noqa: SIM105 - contextlib would have to be imported
        control.sendmsg([b"system v"], [(SOL_SOCKET, SCM_RIGHTS, packed)])
    except OSError:  # ETOOMANYREFS: too many descriptors of this user's are on their way (unix(7))
        pass
    for descriptor in lists:
        os.close(descriptor)


def main(control: socket, user: tuple[int, int] | None, own_port: int | None) -> None:
    """Report that the sandbox is ready, and serve. `own_port`: of a listener in this network, which is passed out."""
    os.set_inheritable(control.fileno(), False)
    os.closerange(STANDARD, control.fileno())  # what bwrap leaves open is not for functions
    os.closerange(control.fileno() + 1, MOST_DESCRIPTORS)
    rights = []
    if own_port is not None:
        listener = socket(AF_INET, SOCK_STREAM)
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", own_port))
        listener.listen(BACKLOG)
        rights = [(SOL_SOCKET, SCM_RIGHTS, listener.fileno().to_bytes(INTEGER_BYTES, sys.byteorder))]
    _send_system_v(control)
    control.sendmsg([b"up"], rights)
    Supervisor(control, user).run()
