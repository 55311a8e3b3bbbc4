"""Floor 2: where an execution environment's processes live.

A sandbox is opened once, with everything that is to last as long as the environment, and then starts, signals and
reaps many named processes: the runtime, each external extension, the runtime again after a reset. What happens to
them comes back as values through `notify`. The plain process (`process.py`) isolates nothing but the process group
and the environment variables; bubblewrap (`bubblewrap.py`) gives Lambda's paths and limits, where the system lets it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from runtime_api.protocol.errors import ErrorType
    from runtime_api.protocol.events import ExitStatus

    from .entrypoint import Program

__all__ = ["Exited", "Launch", "Moved", "Notify", "Output", "Sandbox", "SandboxEvent", "StartRefused"]


class Launch(NamedTuple):
    """A process to be started: its name in the sandbox, and how it is executed."""

    name: str
    argv: tuple[str, ...]  # empty when no program was found
    directory: Path
    variables: Mapping[str, str]  # the whole environment: nothing is inherited
    looked_for: tuple[str, ...] = ()  # where a bootstrap was looked for, when none was found


class Output(NamedTuple):
    """Whole lines that a process has written, each with its newline; a last one without gets one."""

    name: str
    lines: bytes


class Exited(NamedTuple):
    """A process and its group have ended, and all that they wrote has been told."""

    name: str
    status: ExitStatus
    peak_bytes: int
    over_bytes: int = 0  # what the processes had taken when they were killed for taking more memory than there is


class StartRefused(NamedTuple):
    """A process could not be started: `reason` in the words of the operating system."""

    name: str
    error_type: ErrorType
    reason: str


class Moved(NamedTuple):
    """A sandbox with a network of its own was killed and built anew: where its processes connect to from now on."""

    listener: socket.socket  # whoever is told closes it


SandboxEvent = Output | Exited | StartRefused | Moved
Notify = Callable[[SandboxEvent], None]


class Sandbox(Protocol):
    """Opened once; starts, signals and reaps many named processes."""

    def inside(self, path: str | Path) -> str:
        """Where the processes see this file of the host."""

    async def open(self, notify: Notify) -> socket.socket | None:
        """Prepare what lasts as long as the environment; everything that happens is told to `notify`.

        Gives a listener for the Runtime API where the processes have a network of their own; the caller closes it.
        OSError says why there is no sandbox.
        """

    def arranged(self, program: Program) -> Program:
        """The sandbox's own program as its files are laid out there: layers may have become one. Once it is open."""

    def start(self, launch: Launch) -> None:
        """Start a process; a failure comes as `StartRefused`, before this returns or later."""

    def signal(self, name: str, number: int) -> None:
        """Send a signal to the process's whole group; nothing happens when it has ended."""

    def drain(self) -> None:
        """Tell now, without waiting, what the processes have written up to now, unfinished lines included.

        Nothing while they are throttled.
        """

    def throttle(self, wait: bool) -> None:
        """Stop reading what the processes write, or go on: their pipes then make them wait."""

    def freeze(self, still: bool) -> None:
        """Let every process stand still, or go on. What is frozen can be killed."""

    def peak_bytes(self) -> int:
        """The highest resident size of the running processes so far, in bytes."""

    async def close(self) -> None:
        """Kill whatever is left, and give back everything that `open` took."""
