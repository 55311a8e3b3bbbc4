"""Ends the plain processes of a server that was killed, and removes their temporary directories.

A program of its own: python -I -S left_behind.py MARK PREFIX.

It finds them by a mark that every descendant inherits (`guardian.py`), whatever session, group and parent they have
by now. A process is looked at again once its pidfd is open, so no other process is killed that has got its number.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

__all__ = ["kill_marked", "main", "remove_prefixed"]

LIMIT = b"Max realtime timeout"  # in /proc/PID/limits
QUIET_ROUNDS = 3  # that find nothing: a process may fork while the others are looked at
PAUSE_S = 0.02
GIVE_UP_S = 60.0  # a process that the kernel does not let end


def main(mark: int, prefix: str) -> None:
    """Kill the processes until there are none, then remove the directories."""
    quiet = 0
    until = time.monotonic() + GIVE_UP_S
    while quiet < QUIET_ROUNDS and time.monotonic() < until:
        quiet = 0 if kill_marked(mark) else quiet + 1
        time.sleep(PAUSE_S)
    remove_prefixed(prefix)


def kill_marked(mark: int) -> int:
    """Kill the processes that bear this mark; returns how many there were."""
    killed = 0
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib would have to be imported
        if name.isdigit() and _bears(name, mark):
            killed += _kill(name, mark)
    return killed


def remove_prefixed(prefix: str) -> None:
    """Remove every directory whose path begins so, with what is in it."""
    folder, _, beginning = prefix.rpartition("/")
    for name in os.listdir(folder or "/"):  # noqa: PTH208
        if name.startswith(beginning):
            shutil.rmtree(f"{folder}/{name}", ignore_errors=True)


def _kill(name: str, mark: int) -> int:
    try:
        descriptor = os.pidfd_open(int(name))
    except (AttributeError, OSError):  # it has ended; or there are no pidfds, and killing would be a risk
        return 0
    try:
        if _bears(name, mark):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            return 1
    except OSError:  # it has ended, or it is another user's
        pass
    finally:
        os.close(descriptor)
    return 0


def _bears(name: str, mark: int) -> bool:
    """Whether this is a living process with that mark."""
    try:
        with open(f"/proc/{name}/limits", "rb") as limits:  # noqa: PTH123
            line = next((line for line in limits if line.startswith(LIMIT)), b"")
        if line[len(LIMIT) :].split()[1:2] != [b"%d" % mark]:  # the hard limit
            return False
        with open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123
            return stat.read().rpartition(b")")[2].split()[0] != b"Z"
    except (OSError, IndexError):
        return False


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
