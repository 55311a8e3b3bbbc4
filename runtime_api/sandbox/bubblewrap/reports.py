"""What a supervisor may report, and when. Anything else is a lie, and a sandbox that tells one is killed.

An order to start a process carries a tag. Under that tag the process itself reports what becomes of it until it has
executed its program, then the supervisor does. There are three reports of a start at most, so nobody can send more
than a few of them without lying.

    ORDERED --started--> RUNNING --exited, killed--> forgotten
    ORDERED, RUNNING --refused by the process--> REFUSED --exited, killed--> forgotten
    ORDERED --refused by the supervisor, killed--> forgotten
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

__all__ = ["EXPECTED", "Ledger", "Progress", "Report", "Teller", "Verb", "read_report"]

FORM = re.compile(rb"(started|refused|ended) (\d{1,10})((?: \d{1,12}){0,2})")
MOST_ERRNO = 4095  # MAX_ERRNO (linux/err.h)
SIGNAL_BITS, CORE_BIT = 0x7F, 0x80  # of a status of wait4(2)
STOPPED = 0x7F
MOST_STATUS = 0xFFFF


class Verb(Enum):
    """What happened to a process."""

    STARTED = "started"
    REFUSED = "refused"
    EXITED = "exited"
    KILLED = "killed"


class Teller(Enum):
    """Who reports, by the kernel's word."""

    SUPERVISOR = "the supervisor"
    CHILD = "a child of the supervisor"  # or a process that has ended meanwhile
    OTHER = "another process"


class Progress(Enum):
    """How far the start of a process has come."""

    ORDERED = "ordered"
    RUNNING = "running"
    REFUSED = "refused"  # by the process itself, which is still to be reaped


EXPECTED: dict[tuple[Progress, Verb, Teller], Progress | None] = {  # None: nothing more is to be reported
    (Progress.ORDERED, Verb.STARTED, Teller.CHILD): Progress.RUNNING,
    (Progress.ORDERED, Verb.REFUSED, Teller.CHILD): Progress.REFUSED,
    (Progress.ORDERED, Verb.REFUSED, Teller.SUPERVISOR): None,  # it could not fork
    (Progress.ORDERED, Verb.KILLED, Teller.SUPERVISOR): None,  # before it could report anything
    (Progress.RUNNING, Verb.REFUSED, Teller.CHILD): Progress.REFUSED,
    (Progress.RUNNING, Verb.EXITED, Teller.SUPERVISOR): None,
    (Progress.RUNNING, Verb.KILLED, Teller.SUPERVISOR): None,
    (Progress.REFUSED, Verb.EXITED, Teller.SUPERVISOR): None,
    (Progress.REFUSED, Verb.KILLED, Teller.SUPERVISOR): None,
}


class Report(NamedTuple):
    """What became of an order."""

    verb: Verb
    tag: int  # of the order
    numbers: tuple[int, ...]  # refused: errno, and 1 for the directory; ended: status and maxrss of wait4
    pid: int  # who reports: the process itself, or the supervisor


def read_report(packet: bytes, pid: int) -> Report | None:
    """Read a report; None if it is none, or its numbers are none that the kernel gives."""
    found = FORM.fullmatch(packet)
    if found is None:
        return None
    tag, numbers = int(found[2]), tuple(map(int, found[3].split()))
    match found[1], numbers:
        case b"started", ():
            return Report(Verb.STARTED, tag, numbers, pid)
        case b"refused", (number, 0 | 1) if 0 < number <= MOST_ERRNO:
            return Report(Verb.REFUSED, tag, numbers, pid)
        case b"ended", (status, _) if _is_status(status):
            return Report(Verb.KILLED if status & SIGNAL_BITS else Verb.EXITED, tag, numbers, pid)
    return None


def _is_status(status: int) -> bool:
    """Whether wait4 gives this status of a process that has ended: a code above, or a signal and no code."""
    if status & SIGNAL_BITS:
        return status & SIGNAL_BITS != STOPPED and status <= SIGNAL_BITS | CORE_BIT
    return status <= MOST_STATUS and not status & CORE_BIT


class Ledger:
    """What has been ordered and is still to be reported."""

    def __init__(self) -> None:
        self._starts: dict[int, Progress] = {}

    def ordered(self, tag: int) -> None:
        """Expect reports of a start from now on."""
        self._starts[tag] = Progress.ORDERED

    def believes(self, report: Report, teller: Teller) -> bool:
        """Whether a report can be true; one that cannot changes nothing."""
        progress = self._starts.get(report.tag)
        if progress is None or (progress, report.verb, teller) not in EXPECTED:
            return False
        following = EXPECTED[progress, report.verb, teller]
        if following is None:
            del self._starts[report.tag]
        else:
            self._starts[report.tag] = following
        return True
