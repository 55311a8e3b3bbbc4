"""A sandbox on a loop of uvloop, what it tells, and small programs to run in it."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import uvloop

from runtime_api.protocol.limits import CURRENT, Limits
from runtime_api.sandbox import Exited, Launch, Moved, Output, StartRefused
from runtime_api.sandbox.bubblewrap import BubblewrapSandbox, Confinement
from runtime_api.sandbox.entrypoint import Program
from runtime_api.sandbox.process import PlainSandbox
from runtime_api.sandbox.trees import Trees

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence

    from runtime_api.sandbox import Sandbox, SandboxEvent
    from runtime_api.sandbox.cgroup import Hierarchy

PATIENCE_S = 30.0
VARIABLES = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
INTERPRETER = str(Path(sys.executable).resolve())  # the one behind a virtual environment, shown in every sandbox
CONFINEMENT = Confinement(memory_mb=512, tmp_mb=64)

_isolated = False


def isolate(isolated: bool) -> None:
    """Say whether sandboxes that are opened from now on are bubblewrap's or plain processes."""
    global _isolated
    _isolated = isolated


class Told(NamedTuple):
    """What was told of one process from its start to its end."""

    events: list[SandboxEvent]

    @property
    def end(self) -> Exited:
        """The last event, which must be the only one of its kind."""
        ends = [event for event in self.events if isinstance(event, Exited)]
        assert len(ends) == 1
        assert self.events[-1] is ends[0], "something was told after the end"
        return ends[0]

    @property
    def output(self) -> bytes:
        """All lines."""
        return b"".join(event.lines for event in self.events if isinstance(event, Output))

    @property
    def refusal(self) -> StartRefused:
        """The one event of a process that was not started."""
        (event,) = self.events
        assert isinstance(event, StartRefused)
        return event


class Watch:
    """One sandbox, and everything it tells."""

    def __init__(
        self, limits: Limits, directory: Path, confinement: Confinement, hierarchies: Sequence[Hierarchy] = ()
    ) -> None:
        self.sandbox: Sandbox = PlainSandbox(limits)
        if _isolated:
            program = Program(directory, mounts=(Path(sys.base_prefix),))
            self.sandbox = BubblewrapSandbox(program, confinement, Trees(), limits, hierarchies)
        self.events: list[SandboxEvent] = []
        self.listener: socket.socket | None = None  # for the Runtime API, in a network of its own
        self._directory = directory
        self._news = asyncio.Event()

    def note(self, event: SandboxEvent) -> None:
        """What the sandbox calls."""
        self.events.append(event)
        self._news.set()

    def start(self, *argv: str, name: str = "p", variables: Mapping[str, str] = VARIABLES) -> None:
        """Start a program in the test's directory."""
        argv = tuple(self.inside(argument) for argument in argv)
        self.sandbox.start(Launch(name, argv, Path(self.inside(self._directory)), variables))

    def inside(self, path: Path | str) -> str:
        """Where the processes see a file."""
        return self.sandbox.inside(Path(path)) if str(path).startswith("/") else str(path)

    def shell(self, script: str, name: str = "p", variables: Mapping[str, str] = VARIABLES) -> None:
        """Start a shell script."""
        self.start("/bin/sh", "-c", script, name=name, variables=variables)

    def told(self, name: str = "p") -> Told:
        """What was told of a process up to now."""
        return Told([event for event in self.events if not isinstance(event, Moved) and event.name == name])

    async def until(self, condition: Callable[[Told], bool], name: str = "p") -> Told:
        """Wait for a condition on what is told of a process."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition(self.told(name)):
                self._news.clear()
                await self._news.wait()
        return self.told(name)

    async def ended(self, name: str = "p") -> Told:
        """Wait for a process's end, or for the refusal to start it."""
        return await self.until(lambda told: bool(told.events) and not isinstance(told.events[-1], Output), name)

    async def says(self, line: bytes, name: str = "p") -> Told:
        """Wait for a line."""
        return await self.until(lambda told: line + b"\n" in told.output, name)


@asynccontextmanager
async def watching(
    directory: Path,
    limits: Limits = CURRENT,
    confinement: Confinement = CONFINEMENT,
    hierarchies: Sequence[Hierarchy] = (),
) -> AsyncIterator[Watch]:
    """An open sandbox, closed at the end."""
    watch = Watch(limits, directory, confinement, hierarchies)
    try:
        watch.listener = await watch.sandbox.open(watch.note)
        yield watch
    finally:
        if watch.listener is not None:
            watch.listener.close()
        await watch.sandbox.close()


async def run_shell(directory: Path, script: str, limits: Limits = CURRENT) -> Told:
    """Run a shell script from its start to its end."""
    async with watching(directory, limits) as watch:
        watch.shell(script)
        return await watch.ended()


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a test's coroutine on uvloop; what the loop's exception handler gets fails the test."""
    problems: list[dict[str, Any]] = []

    async def watched() -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: problems.append(context))
        return await main

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(watched())
    assert not problems
    return result


def program(path: Path, text: str, mode: int = 0o755) -> str:
    """Write a program; gives its path."""
    path.write_text(text)
    path.chmod(mode)
    return str(path)


async def gone(pid: int) -> bool:
    """Whether a process ends soon."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return True
