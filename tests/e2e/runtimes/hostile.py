"""A handler for our own bootstrap: makes system calls and opens files as it is told, and tells what comes of it."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import resource
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
I386_GETPID = bytes.fromhex("b814000000 cd80 c3")  # mov $20, %eax; int $0x80; ret


def handler(event: Any, _context: Any) -> Any:
    return globals()["do_" + event["do"]](event)


def call(number: int, *arguments: Any) -> int | str:
    """What a system call returns, or the name of its error; texts are passed as pointers to them."""
    passed = [ctypes.c_long(each) if isinstance(each, int) else each.encode() for each in arguments]
    LIBC.syscall.restype = ctypes.c_long
    result: int = LIBC.syscall(ctypes.c_long(number), *passed)
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]


def do_calls(event: Any) -> list[int | str]:
    return [call(*each) for each in event["calls"]]


def do_calls_about_a_child(event: Any) -> list[int | str]:
    """With the pid of a child of this function in the place of "child", and of a pidfd of it in that of "pidfd"."""
    child = subprocess.Popen(["sleep", "60"])
    places = {"child": child.pid, "pidfd": os.pidfd_open(child.pid)}
    try:
        return [call(*[places.get(argument, argument) for argument in each]) for each in event["calls"]]
    finally:
        os.close(places["pidfd"])
        child.kill()
        child.wait()


def do_read_memory_of(event: Any) -> str:
    """Read what a process calls its own, byte 0 of its first mapping."""
    try:
        with Path(f"/proc/{event['pid']}/maps").open() as maps:
            begin = int(maps.readline().partition("-")[0], 16)
        with Path(f"/proc/{event['pid']}/mem").open("rb") as memory:
            memory.seek(begin)
            return memory.read(4).hex()
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def do_open(event: Any) -> list[str]:
    return [_open(path, flags) for path, flags in event["files"]]


def _open(path: str, flags: str) -> str:
    try:
        os.close(os.open(path, getattr(os, flags)))
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "opened"


def do_status(_event: Any) -> dict[str, str]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def do_limits(_event: Any) -> dict[str, Any]:
    score = int(Path("/proc/self/oom_score_adj").read_text())
    return {"core": resource.getrlimit(resource.RLIMIT_CORE), "score": score}


def do_type_into_a_terminal(event: Any) -> list[str]:
    _, terminal = os.openpty()
    return [str(call(number, terminal, request, "x")) for number, request in event["requests"]]


def do_i386(_event: Any) -> int:
    """How a child ends that makes a system call of i386."""
    child = os.fork()
    if not child:
        signal.alarm(10)
        page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(I386_GETPID)
        ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def do_what_programs_do(_event: Any) -> dict[str, Any]:
    """What has to work in any runtime."""
    done: list[int] = []
    threads = [threading.Thread(target=done.append, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read, write = os.pipe()
    epoll = select.epoll()
    epoll.register(read, select.EPOLLIN)
    os.write(write, b"x")
    memory = os.memfd_create("memory")
    os.write(memory, b"x")
    return {
        "threads": sum(done),
        "child": subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True).stdout.decode(),
        "epoll": len(epoll.poll(10)),
        "inotify": LIBC.inotify_init1(0) >= 0,
        "memfd": os.fstat(memory).st_size,
        "thread of its own files": LIBC.unshare(0x400),
        "own memory": do_read_memory_of({"pid": "self"}) != "",
        "own files": len(os.listdir("/proc/self/fd")) > 3,  # noqa: PTH208
    }
