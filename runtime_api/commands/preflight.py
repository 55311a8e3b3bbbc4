"""What a command needs of this machine: tried out before it starts, or named when it has run out.

Some of it is tried out because libraries abort, or blame something else, where it is missing.
"""

from __future__ import annotations

import errno
import os
import resource
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["need_files", "need_stdout", "need_threads", "refuse", "shortage"]

SPARE_FILES = 48  # more than `invoke` in bubblewrap opens; a server needs others for its callers
FILES = 64  # a limit that leaves them
# libuv aborts the process, without a word, when it cannot start its four (src/threadpool.c, init_threads). The others
# are for asyncio's executor and for the first processes, which count as threads do (man 2 getrlimit, RLIMIT_NPROC).
THREADS = 8

_NO_THREAD = "start new thread"  # threading
_NO_TEMPORARY = "No usable temporary directory"  # tempfile


def need_stdout() -> None:
    """Refuse to go on with a closed stdout: what goes there would be lost, and the exit code would not tell."""
    try:
        os.fstat(1)
    except OSError:
        refuse("stdout is closed; open it, with > /dev/null if nobody reads it")


def need_files() -> None:
    """Refuse to go on where so few files may be open that none of the verbs gets far."""
    spare: list[int] = []
    try:
        while len(spare) < SPARE_FILES:
            spare.append(os.dup(1))
    except OSError:
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        refuse(f"too few files may be open at a time: {allowed}; allow {FILES} or more, with ulimit -n {FILES}")
    finally:
        for descriptor in spare:
            os.close(descriptor)


def need_threads() -> None:
    """Refuse to go on where the threads of an event loop and a first process cannot be started."""
    import threading

    release, started = threading.Event(), []
    try:
        for _ in range(THREADS):
            thread = threading.Thread(target=release.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError:
        refuse(
            "too few processes and threads can be started; raise the limits on processes and memory of your shell "
            "(ulimit -u, ulimit -v) or container"
        )
    finally:
        release.set()
        for thread in started:
            thread.join()


def shortage(error: Exception) -> str | None:
    """Say what this machine has refused to a command that has failed with this error; None for any other error."""
    if isinstance(error, OSError):
        return None if error.errno is None else _system_reason(error)
    if isinstance(error, RuntimeError):
        return "no further thread can be started; raise ulimit -u or ulimit -v" if _NO_THREAD in str(error) else None
    # The dynamic loader's words for a library that there is no memory for (glibc, elf/dl-load.c).
    if isinstance(error, ImportError) and "failed to map segment" not in str(error):
        return None
    return "out of memory; raise ulimit -v, or close other programs"


def _system_reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.filename is not None:
        return f"{error.filename}: {reason}"
    try:
        sys.stdout.flush()
    except OSError:
        return f"stdout: {reason}"  # what could not be written, to a full disk for example, is still in its buffer
    if error.errno == errno.ENOSPC:  # more than a buffer takes is written at once, and is in no buffer then
        return f"{reason}, for stdout or in the temporary directory"
    return f"{reason}; set TMPDIR to another one" if _NO_TEMPORARY in reason else reason


def refuse(message: str) -> NoReturn:
    """End the command: this line on stderr, and exit code 2."""
    with suppress(OSError):  # stderr may be a full disk
        print(f"bootjack: {message}", file=sys.stderr, flush=True)
    for stream in (sys.stdout, sys.stderr):
        _give_up(stream)
    sys.exit(2)


def _give_up(stream: TextIO | None) -> None:
    """Drop what cannot be written to a stream: the interpreter would try it again at its end, and exit with 120."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
