"""One process of a sandbox, from the request to start it to its final event.

The sandboxes start, signal and reap processes in different ways. Everything in between is the same:

    STARTING --started--> RUNNING --ended--> LINGERING --output over, or time is up--> OVER

A process that has ended lingers while its pipes are read to their end, so that its final event comes after its last
line. A descendant that left the process group may hold the pipes open for ever; it is waited for no longer than
`LINGER_S`. What the table below does not list is ignored: a process may be reported more than once as ended (refused
by the child that could not execute it, and then reaped), and pipes may reach their end before the process does.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from runtime_api.sandbox import Exited, Output

from .memory import high_water
from .outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.events import ExitStatus
    from runtime_api.sandbox import Launch, Notify, StartRefused

__all__ = ["LINGER_S", "TRANSITIONS", "Happening", "ManagedProcess", "State"]

LINGER_S = 0.25


class State(Enum):
    """Where a process is in its life."""

    STARTING = "starting"  # no pid is known yet
    RUNNING = "running"
    LINGERING = "lingering"  # it has ended; its output is read to the end
    OVER = "over"  # the final event has been sent, or none will be: every descriptor is closed


class Happening(Enum):
    """What moves a process from one state to the next."""

    STARTED = "started"
    ENDED = "ended"  # exited, killed, or refused by the kernel
    OUTPUT_OVER = "output over"  # both pipes are at end of file
    TIME_UP = "time up"  # it has lingered for long enough
    DISCARDED = "discarded"  # the sandbox could not start it


TRANSITIONS: dict[State, dict[Happening, State]] = {
    State.STARTING: {
        Happening.STARTED: State.RUNNING,
        Happening.ENDED: State.LINGERING,
        Happening.DISCARDED: State.OVER,
    },
    State.RUNNING: {Happening.ENDED: State.LINGERING},
    State.LINGERING: {Happening.OUTPUT_OVER: State.OVER, Happening.TIME_UP: State.OVER},
    State.OVER: {},
}


class ManagedProcess:
    """Passes on what a process writes, remembers its peak memory, and gives its final event to `over`."""

    def __init__(
        self, launch: Launch, line_bytes: int, notify: Notify, over: Callable[[Exited | StartRefused], None]
    ) -> None:
        """OSError when there are no descriptors left."""
        self.launch = launch
        self.state = State.STARTING
        self.pid = 0  # as seen from outside the sandbox
        self.over_bytes = 0  # what was taken when it was killed for exceeding its memory; set by the killer
        self.over_processes = 0  # how many there were when it was killed for their number; set by the killer
        self._pidfd = -1
        self._peak = 0
        self._inherited_bytes = 0
        self._over = over
        self._end: Exited | StartRefused | None = None  # the final event, from LINGERING on
        self._lingering: asyncio.TimerHandle | None = None
        name = launch.name
        self.outputs = Outputs(line_bytes, lambda lines: notify(Output(name, lines)), self._output_over)

    def started(self, pid: int, inherited_bytes: int, pidfd: int = -1) -> None:
        """It runs. `inherited_bytes`: the memory that its own maximum may have begun with.

        A forked child starts with its parent's memory and ru_maxrss remembers that (getrusage(2)), so the kernel's
        figure says something of the child only above the parent's.
        """
        if self._move(Happening.STARTED):
            self.pid, self._inherited_bytes, self._pidfd = pid, inherited_bytes, pidfd
        elif pidfd >= 0:
            os.close(pidfd)

    def kill(self) -> None:
        """Kill the process itself by its pidfd, which can never reach another process."""
        if self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def exited(self, status: ExitStatus, maxrss_bytes: int) -> None:
        """It has been reaped."""
        if maxrss_bytes > self._inherited_bytes:
            self._peak = max(self._peak, maxrss_bytes)
        self._linger(Exited(self.launch.name, status, self._peak, self.over_bytes, self.over_processes))

    def refused(self, refusal: StartRefused) -> None:
        """The kernel refused to execute it."""
        self._linger(refusal)

    def discard(self) -> None:
        """Give up a process that the sandbox could not start; there is no final event."""
        if self._move(Happening.DISCARDED):
            self.outputs.close()

    def peak_bytes(self) -> int:
        """Read the highest resident size so far (VmHWM); after the end, what was last known."""
        if self.state is State.RUNNING:
            self._peak = max(self._peak, high_water(self.pid))
        return self._peak

    def takes(self, taken_bytes: int) -> None:
        """Its descendants and itself take this much: the peak is no less."""
        self._peak = max(self._peak, taken_bytes)

    def _linger(self, end: Exited | StartRefused) -> None:
        if not self._move(Happening.ENDED):
            return
        self._end = end
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        self.outputs.read_available()
        self._lingering = asyncio.get_running_loop().call_later(LINGER_S, self._finish, Happening.TIME_UP)
        if self.outputs.at_end:
            self._finish(Happening.OUTPUT_OVER)

    def _output_over(self) -> None:
        self._finish(Happening.OUTPUT_OVER)

    def _finish(self, happening: Happening) -> None:
        if self._move(happening):
            if self._lingering is not None:
                self._lingering.cancel()
            self.outputs.close()
            assert self._end is not None
            self._over(self._end)

    def _move(self, happening: Happening) -> bool:
        """Take the transition that the table lists; False when it lists none."""
        following = TRANSITIONS[self.state].get(happening)
        if following is None:
            return False
        self.state = following
        return True
