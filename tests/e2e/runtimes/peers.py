"""A handler that calls its own Runtime API from processes of every shape; each answers with the status of a ping."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any

HOST, _, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
PING = b"GET /2018-06-01/ping HTTP/1.1\r\nHost: x\r\n\r\n"
CLOSE_RANGE = 436  # the system call, on every machine
CLOSE_RANGE_UNSHARE = 2  # linux/close_range.h
LAST_DESCRIPTOR = 0xFFFF_FFFF
PR_SET_DUMPABLE = 4
SYS_EXIT = 60 if os.uname().machine == "x86_64" else 93  # of one thread (asm/unistd.h)
PROGRAM = (sys.executable, "-I", "-S", __file__)
CURL = ("-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://{HOST}:{PORT}/2018-06-01/ping")
CROWD = 60
_libc = ctypes.CDLL(None, use_errno=True)


def handler(event: Any, _context: Any) -> str:
    return str(globals()["do_" + event["do"]](event)).strip()


def ping(connection: socket.socket | None = None) -> str:
    connection = connection or socket.create_connection((HOST, int(PORT)))
    connection.sendall(PING)
    return connection.recv(4096).split()[1].decode()


def ran(*command: str, **options: Any) -> str:
    """What a program prints, and the processes that it leaves behind."""
    output: str = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, **options).stdout
    return output


def do_itself(_event: Any) -> str:
    return ping()


def do_child(_event: Any) -> str:
    return ran(*PROGRAM, "ping")


def do_curl(_event: Any) -> str:
    return ran("/bin/sh", "-c", 'x=$("$@"); echo $x', "sh", "curl", *CURL)


def do_background(_event: Any) -> str:
    """A program in the background of a shell that ends, and another one at its end of a pipe."""
    return ran("/bin/sh", "-c", '"$@" | cat & exit', "sh", *PROGRAM, "ping")


def do_session(_event: Any) -> str:
    return ran(*PROGRAM, "ping", start_new_session=True)


def do_daemon(_event: Any) -> str:
    return ran(*PROGRAM, "daemon")


def do_bare_daemon(_event: Any) -> str:
    return ran(*PROGRAM, "daemon", env={"AWS_LAMBDA_RUNTIME_API": f"{HOST}:{PORT}"})


def do_parent(_event: Any) -> str:
    """A connection of this process, used by a child after this process has closed it."""
    ours, theirs = socket.socketpair()
    connection = socket.create_connection((HOST, int(PORT)))
    if not os.fork():
        theirs.recv(1)
        theirs.sendall(ping(connection).encode())
        os._exit(0)
    connection.close()
    ours.sendall(b".")
    status = ours.recv(16).decode()
    os.wait()
    return status


def do_thread(_event: Any) -> str:
    """A thread with descriptors of its own."""
    found: list[str] = []

    def alone() -> None:
        assert _libc.syscall(CLOSE_RANGE, LAST_DESCRIPTOR, LAST_DESCRIPTOR, CLOSE_RANGE_UNSHARE) == 0
        found.append(ping())

    thread = threading.Thread(target=alone)
    thread.start()
    thread.join()
    return found[0]


def do_headless(_event: Any) -> str:
    """A process that goes on without its first thread."""
    return ran(*PROGRAM, "headless")


def do_crowd(_event: Any) -> str:
    """The youngest but one of many processes."""
    crowd = [subprocess.Popen(["sleep", "600"]) for _ in range(CROWD)]
    try:
        return ping()
    finally:
        for process in crowd:
            process.kill()
            process.wait()


def do_descriptors(_event: Any) -> str:
    """The last of many descriptors."""
    many = [os.dup(0) for _ in range(900)]
    try:
        return ping()
    finally:
        for descriptor in many:
            os.close(descriptor)


def do_hidden(_event: Any) -> str:
    return ran(*PROGRAM, "hidden")


def do_program(event: Any) -> str:
    """A copy of curl, which may become another user."""
    return ran(event["path"], *CURL)


def _daemon() -> None:
    """Ping from a process whose parent has ended, in a session that nobody leads."""
    if os.fork():
        os._exit(0)
    os.setsid()
    leader = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == leader:
        time.sleep(0.001)
    print(ping(), flush=True)


def _headless() -> None:
    def wait_and_ping() -> None:
        while "Z" not in open(f"/proc/{os.getpid()}/stat").read().rpartition(")")[2].split()[0]:  # noqa: PTH123, SIM115
            time.sleep(0.001)
        print(ping(), flush=True)
        os._exit(0)

    threading.Thread(target=wait_and_ping).start()
    _libc.syscall(SYS_EXIT, 0)


if __name__ == "__main__":
    if sys.argv[1] == "ping":
        print(ping())
    elif sys.argv[1] == "hidden":
        _libc.prctl(PR_SET_DUMPABLE, 0)
        print(ping())
    elif sys.argv[1] == "headless":
        _headless()
    else:
        _daemon()
