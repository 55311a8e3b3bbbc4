"""Layer 3: where the processes of an execution environment live.

A sandbox is opened once, with everything that lasts as long as the environment, and then starts, signals and reaps
many named processes: the runtime, each external extension, the runtime again after a reset. What happens to them
comes back as values through `notify`. The plain process (`process.py`) isolates only the process group and the
environment variables; bubblewrap (`bubblewrap.py`) adds Lambda's paths and limits where the system allows it.
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
    from .ownership import Belonging

__all__ = ["Exited", "Launch", "Moved", "Notice", "Notify", "Output", "Sandbox", "SandboxEvent", "StartRefused"]


class Launch(NamedTuple):
    """How to start a process, and its name in the sandbox."""

    name: str
    argv: tuple[str, ...]  # empty if no program was found
    directory: Path
    variables: Mapping[str, str]  # the whole environment: nothing is inherited
    looked_for: tuple[str, ...] = ()  # where a bootstrap was looked for, if none was found
    missing: str = ""  # what to do about that; empty: the places say enough


class Output(NamedTuple):
    """Whole lines that a process wrote, each with its newline; a last line without one gets one."""

    name: str
    lines: bytes


class Exited(NamedTuple):
    """A process and its group have ended, and everything they wrote has been passed on."""

    name: str
    status: ExitStatus
    peak_bytes: int
    over_bytes: int = 0  # what the processes took when they were killed for exceeding their memory
    over_processes: int = 0  # how many processes and threads there were when they were killed for their number


class StartRefused(NamedTuple):
    """A process could not be started: `reason` in the operating system's words, or ours with what to do."""

    name: str
    error_type: ErrorType
    reason: str


class Moved(NamedTuple):
    """A sandbox with a network of its own was killed and built again: its processes connect to this from now on."""

    listener: socket.socket  # the receiver closes it


class Notice(NamedTuple):
    """Something about this machine that its user has to know: what is not as it should be, and what to do."""

    text: str


SandboxEvent = Output | Exited | StartRefused | Moved | Notice
Notify = Callable[[SandboxEvent], None]


class Sandbox(Protocol):
    """Opened once; starts, signals and reaps many named processes."""

    def inside(self, path: str | Path) -> str:
        """The path by which the processes see this file of the host."""

    async def open(self, notify: Notify) -> socket.socket | None:
        """Prepare what lasts as long as the environment; `notify` gets everything that happens from now on.

        Gives a listener for the Runtime API where the processes have a network of their own; the caller closes it.
        OSError if there can be no sandbox. `close` is needed even then.
        """

    def arranged(self, program: Program) -> Program:
        """The program as the open sandbox lays out its files: several layers may have become one."""

    def start(self, launch: Launch) -> None:
        """Start a process; a failure comes as `StartRefused`, before this returns or later."""

    def signal(self, name: str, number: int) -> None:
        """Send a signal to the process's whole group; does nothing if the process has ended."""

    def drain(self) -> None:
        """Pass on, without waiting, what the processes have written up to now, unfinished lines included.

        Does nothing while output is paused.
        """

    def pause_output(self) -> None:
        """Stop reading what the processes write: once a pipe is full, its writer waits."""

    def resume_output(self) -> None:
        """Go on reading what the processes write."""

    def freeze(self) -> None:
        """Stop every process. Frozen processes can be killed."""

    def thaw(self) -> None:
        """Let every process go on."""

    def peak_bytes(self) -> int:
        """The highest resident size of the running processes so far, in bytes."""

    async def connect(self, port: int) -> socket.socket:
        """Connect to a port at which one of the processes listens, on its own loopback. OSError if that fails."""

    def belonging(self) -> Belonging | None:
        """How its processes are told from others that reach its Runtime API; None if there is nothing to tell apart.

        That is so where no other process reaches it (a network of its own), or where any process may.
        """

    async def close(self) -> None:
        """Kill what still runs and release everything that `open` took."""
