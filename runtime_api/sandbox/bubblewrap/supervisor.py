"""The first process of a bubblewrap sandbox: starts, signals, freezes and reaps the others, and reports how they end.

It runs as pid 1 of its namespace, from code that the server sends it (`enclosure.BOOT`). So it imports only what
CPython has built in or right beside it, and is ready as soon as the interpreter is. Orders are marshalled tuples,
reports are lines of ASCII, since the server trusts nothing that comes out of a sandbox; each is one packet.
When the server closes its end of the socket this process ends, and with it everything inside.

If an ordinary user runs bootjack, this process is the same user as the function: `rights.py` keeps it out of reach.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import marshal
import posix as os
import resource
import select
import sys
import time
from _socket import (
    AF_INET,
    AF_INET6,
    CMSG_SPACE,
    MSG_CMSG_CLOEXEC,
    SCM_RIGHTS,
    SO_REUSEADDR,
    SOCK_STREAM,
    SOL_SOCKET,
    socket,
)

from runtime_api.sandbox.bubblewrap.rights import KILL, SETGID, SETUID, give_up_rights

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
OOM_SCORE_BYTES = 16
NICE = 5  # functions give way to the server and to a desktop, and still get a third of a busy processor (sched(7))
OOM_SCORE = b"1000"  # if the machine runs out of memory, the kernel kills functions first


class Supervisor:
    """Carries out orders from `control` and reports there what became of them."""

    def __init__(self, control: socket, user: tuple[int, int] | None) -> None:
        self._control = control
        self._user = user  # uid and gid of the processes; None: those of this process
        self._running: dict[int, int] = {}  # what a process is called in orders and words, by pid
        self._oom_score = OomScore()

    def run(self) -> None:
        """Serve until the server closes its end."""
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(woken, False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # without a handler nothing is written to `wake`
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which the kernel keeps from pid 1, other than Python's handler
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
        elif verb == "socket":
            self._pass_socket()
        return True

    def _pass_socket(self) -> None:
        """Pass out a socket of this network: with it the server connects to a process that listens here."""
        try:
            made = socket(AF_INET, SOCK_STREAM)
            passed = made.fileno().to_bytes(INTEGER_BYTES, sys.byteorder)
            self._control.sendmsg([b"socket"], [(SOL_SOCKET, SCM_RIGHTS, passed)])
        except BrokenPipeError:
            pass  # as in `_report`
        except OSError:  # no descriptors left here, or too many of this user's on their way (unix(7))
            self._report("socket")

    def _start(
        self,
        tag: int,
        argv: list[bytes],
        directory: bytes,
        variables: dict[bytes, bytes],
        limits: list[tuple[int, int]],
        stdout: int,
        stderr: int,
    ) -> None:
        try:
            pid = self._oom_score.fork()
        except OSError as error:  # a fork bomb inside has used up what the control group allows
            self._report(f"refused {tag} {error.errno} 0")
            return
        if pid:
            self._running[pid] = tag
            return
        stage = 0
        try:
            os.setsid()
            self._report(f"started {tag}")  # the kernel adds which process this is outside (SO_PASSCRED)
            _become(limits, self._user, stdout, stderr)
            stage = CHANGING_DIRECTORY
            os.chdir(directory)
            stage = 0
            os.execve(argv[0], argv, variables)
        except OSError as error:
            self._report(f"refused {tag} {error.errno} {stage}")
        except ValueError:
            self._report(f"refused {tag} 22 0")
        finally:
            os._exit(127)

    def _signal(self, tag: int, number: int) -> None:
        for pid, running in self._running.items():
            if running == tag and not _kill(-pid, number):
                _kill(pid, number)  # it has been forked, and has not come to setsid yet

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
            tag = self._running.pop(pid, None)
            if tag is not None:
                _kill(-pid, signal.SIGKILL)  # before it is reaped: then its number could belong to others
                if not self._running:
                    _kill(ALL_OTHERS, signal.SIGKILL)  # processes that left their group have nothing left to work for
            _, status, usage = os.wait4(pid, 0)
            if tag is not None:
                if not self._running:
                    _reap_killed()
                self._report(f"ended {tag} {status} {int(usage.ru_maxrss)}")

    def _report(self, line: str) -> None:
        try:  # noqa: SIM105 - contextlib would have to be imported
            self._control.send(line.encode())
        except BrokenPipeError:
            pass  # the server has gone; the next poll of `control` shows it


class OomScore:
    """This process's score, raised while it forks: children inherit it.

    They may not write their own: what is not dumpable owns nothing in /proc (proc(5)), and that is what a child is
    until it executes a program.
    """

    def __init__(self) -> None:
        """Only a process that has not given up its rights yet may open it."""
        self._own = b""
        try:
            self._descriptor = os.open("/proc/self/oom_score_adj", os.O_RDWR)
        except OSError:
            return
        self._own = os.read(self._descriptor, OOM_SCORE_BYTES)

    def fork(self) -> int:
        """Fork a child that has the highest score. OSError as of fork(2)."""
        self._set(OOM_SCORE)
        try:
            return os.fork()
        finally:
            self._set(self._own)  # for the child too this is its parent's score

    def _set(self, score: bytes) -> None:
        if self._own:
            os.write(self._descriptor, score)


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


def _kill(pid: int, number: int) -> bool:
    """Signal a process, or a group as kill(2) numbers it; False if there is none, or not for this process."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


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


def main(
    control: socket, user: tuple[int, int] | None, ports: list[int], gate: int | None, system_calls: bytes | None
) -> None:
    """Report that the sandbox is ready, and serve.

    Listeners on `ports` of this network are opened and passed out, the first one for the Runtime API. `gate` is at
    its end when functions may use the network. `system_calls`: the filter of them.
    """
    if gate is not None:
        os.read(gate, 1)
    os.set_inheritable(control.fileno(), False)
    os.closerange(STANDARD, control.fileno())  # what bwrap leaves open is not for functions
    os.closerange(control.fileno() + 1, MOST_DESCRIPTORS)
    listeners = [_listener(AF_INET, "127.0.0.1", port) for port in ports]
    listeners += [_listener(AF_INET6, "::1", port) for port in ports[1:]]
    passed = b"".join(
        listener.fileno().to_bytes(INTEGER_BYTES, sys.byteorder) for listener in listeners if listener is not None
    )
    _send_system_v(control)
    supervisor = Supervisor(control, user)
    give_up_rights(0 if user is None else SETUID | SETGID | KILL, system_calls)
    control.sendmsg([b"up"], [(SOL_SOCKET, SCM_RIGHTS, passed)] if passed else [])
    del listeners
    supervisor.run()


def _listener(family: int, address: str, port: int) -> socket | None:
    """Listen; None where that is not possible, which the server notices."""
    try:
        listener = socket(family, SOCK_STREAM)
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError:
        return None
    return listener
