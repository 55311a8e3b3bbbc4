"""A handler for our own bootstrap: takes too much of something, or tells what it sees and how it has run."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

MB = 1 << 20
PR_SET_DUMPABLE = 4  # linux/prctl.h
TICK_S = 0.005
TICKS = Path("/tmp/ticks")  # of the child, a line each
CHILD = f"""
import time
with open({str(TICKS)!r}, "w", buffering=1) as ticks:
    while True:
        print(time.monotonic(), file=ticks)
        time.sleep({TICK_S})
"""
STUBBORN = """
import signal
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
print("up", flush=True)
signal.pause()
"""
_thread_ticks: list[float] = []
_held: list[Any] = []


def handler(event: Any, _context: Any) -> Any:
    do = event.get("do") if isinstance(event, dict) else None
    return globals()["do_" + do](event) if do else event


# -- what takes too much


def do_fork(_event: Any) -> None:
    """Fork until that is refused, which is an error of this handler."""
    while True:
        if not os.fork():
            signal.pause()
            os._exit(0)


def do_storm(_event: Any) -> NoReturn:
    """Processes that start two of themselves, for ever."""
    subprocess.Popen(["/bin/sh", "-c", "more() { more | more & }; more"], stderr=subprocess.DEVNULL)
    while True:
        signal.pause()


def do_memory(_event: Any) -> NoReturn:
    while True:
        _held.append(b"x" * (16 * MB))


def do_memory_of_children(_event: Any) -> NoReturn:
    """None of them has too much, all together have."""
    for _ in range(16):
        if not os.fork():
            _held.append(b"x" * (40 * MB))
            signal.pause()
    while True:
        signal.pause()


def do_memfd(event: Any) -> NoReturn:
    """Memory that is not mapped, in a process that hides its descriptors from its user if that is asked for."""
    if event.get("hidden"):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    descriptor = os.memfd_create("held")
    while True:
        os.write(descriptor, b"x" * MB)


def do_shared_memory(_event: Any) -> NoReturn:
    """System V's segments, which are detached at once and remain."""
    libc = ctypes.CDLL(None)
    libc.shmat.restype = ctypes.c_void_p
    while True:
        address = ctypes.c_void_p(libc.shmat(libc.shmget(0, 16 * MB, 0o1600), None, 0))
        ctypes.memset(address, 1, 16 * MB)
        libc.shmdt(address)


def do_multiply(_event: Any) -> NoReturn:
    """Every process starts others for ever, and none of them ever waits."""
    print("multiplying", flush=True)
    while True:
        with contextlib.suppress(OSError):
            os.fork()


def do_threads(_event: Any) -> NoReturn:
    """As many threads as there may be, and all of them work."""
    print("multiplying", flush=True)
    while True:
        with contextlib.suppress(RuntimeError):
            threading.Thread(target=_burn, daemon=True).start()


def do_disk(_event: Any) -> None:
    with Path("/tmp/much").open("wb") as file:
        while True:
            file.write(b"x" * MB)


def do_clear(_event: Any) -> int:
    """How much had been written."""
    size = Path("/tmp/much").stat().st_size
    Path("/tmp/much").unlink()
    return size


def do_descriptors(_event: Any) -> NoReturn:
    """Open files without end; the error has the number of the last one that there was."""
    last = 0
    try:
        while True:
            last = os.dup(1)
            _held.append(last)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} after {last}") from None


def do_burn(_event: Any) -> NoReturn:
    threading.Thread(target=_burn, daemon=True).start()
    _burn()


def _burn() -> NoReturn:
    while True:
        pass


# -- what is left behind, and seen later


def do_hang(event: Any) -> None:
    """Leave a file, and children that nobody can ask to end, one of them in a session of its own; never answer."""
    Path("/tmp/kept").write_text(event["text"])
    for apart in (False, True):
        child = subprocess.Popen([sys.executable, "-c", STUBBORN], start_new_session=apart, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        _held.append(child)
    print("hanging", flush=True)
    while True:
        signal.pause()


def do_look(_event: Any) -> Any:
    return {
        "processes": len(list(Path("/proc").glob("[0-9]*"))),
        "kept": Path("/tmp/kept").read_text() if Path("/tmp/kept").exists() else None,
        "pid": os.getpid(),
        "user": os.getuid(),
        "directory": str(Path.cwd()),
        "api": os.environ["AWS_LAMBDA_RUNTIME_API"],
    }


# -- what goes on, or stands still, between two invocations


def do_tick(_event: Any) -> None:
    """Have a thread and a child note the time, again and again."""

    def tick() -> NoReturn:
        while True:
            _thread_ticks.append(time.monotonic())
            time.sleep(TICK_S)

    threading.Thread(target=tick, daemon=True).start()
    _held.append(subprocess.Popen([sys.executable, "-I", "-S", "-c", CHILD]))
    while not (TICKS.exists() and TICKS.stat().st_size):
        time.sleep(TICK_S)


def do_ticks(_event: Any) -> dict[str, list[float]]:
    """When they did, up to now and a few times more."""
    known = _child_ticks()
    threads = len(_thread_ticks)
    while len(_child_ticks()) < len(known) + 3 or len(_thread_ticks) < threads + 3:
        time.sleep(TICK_S)
    return {"thread": list(_thread_ticks), "child": _child_ticks()}


def _child_ticks() -> list[float]:
    whole_lines = TICKS.read_text().rpartition("\n")[0]
    return [float(line) for line in whole_lines.splitlines()]


# -- what can be reached


def do_connect(event: Any) -> list[str]:
    """What becomes of a connection to each of these addresses; a name is that of an abstract Unix socket."""
    return [_connect(address) for address in event["to"]]


def _connect(address: Any) -> str:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(2)
        try:
            connection.connect("\0" + address if isinstance(address, str) else tuple(address))
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, str(error))
        return "reached"


def do_listen(event: Any) -> list[str]:
    """What is said on a connection to each of these hosts and ports, or why there is none; all at once."""
    from concurrent.futures import ThreadPoolExecutor  # the other functions start sooner without it

    with ThreadPoolExecutor() as threads:
        return list(threads.map(_listen, event["to"]))


def _listen(place: list[Any]) -> str:
    host, port = place
    try:
        with socket.create_connection((host, port), 4) as connection:
            return connection.makefile().read()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))


def do_read(event: Any) -> str:
    return Path(event["path"]).read_text()


def do_append(event: Any) -> str:
    """What becomes of writing to a file."""
    try:
        with Path(event["path"]).open("a") as file:
            file.write("more")
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "written"


# -- how fast it goes


def do_share(event: Any) -> float:
    """Work for so many seconds; gives the part of a processor that this process had meanwhile."""
    began, used = time.monotonic(), _used()
    while time.monotonic() < began + event["seconds"]:
        pass
    return (_used() - used) / (time.monotonic() - began)


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
