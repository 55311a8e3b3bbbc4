"""A sandbox on uvloop, a record of its events, and small programs to run in it."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import uvloop

from runtime_api.protocol.limits import CURRENT, Limits
from runtime_api.sandbox import Exited, Launch, Moved, Notice, Output, StartRefused
from runtime_api.sandbox.bubblewrap.sandbox import BubblewrapSandbox, Confinement
from runtime_api.sandbox.entrypoint import Program
from runtime_api.sandbox.plain.process import PlainSandbox
from runtime_api.store.trees import Trees

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence

    from runtime_api.sandbox import Sandbox, SandboxEvent
    from runtime_api.sandbox.bubblewrap.cgroup import Hierarchy

DEADLINE_S = 30.0
VARIABLES = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
INTERPRETER = str(Path(sys.executable).resolve())  # behind the virtual environment; visible in every sandbox
CONFINEMENT = Confinement(memory_mb=512, tmp_mb=64)

_isolated = False


def isolate(isolated: bool) -> None:
    """Choose whether sandboxes that are opened from now on are bubblewrap or plain processes."""
    global _isolated
    _isolated = isolated


class History(NamedTuple):
    """The events of one process from its start to its end."""

    events: list[SandboxEvent]

    @property
    def end(self) -> Exited:
        """The last event, which is the only one of its kind."""
        ends = [event for event in self.events if isinstance(event, Exited)]
        assert len(ends) == 1
        assert self.events[-1] is ends[0], "there are events after the end"
        return ends[0]

    @property
    def output(self) -> bytes:
        """All lines."""
        return b"".join(event.lines for event in self.events if isinstance(event, Output))

    @property
    def refusal(self) -> StartRefused:
        """The only event of a process that was not started."""
        (event,) = self.events
        assert isinstance(event, StartRefused)
        return event


class Watch:
    """One sandbox and all its events."""

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
        """Record an event; the sandbox calls this."""
        self.events.append(event)
        self._news.set()

    def start(self, *argv: str, name: str = "p", variables: Mapping[str, str] = VARIABLES) -> None:
        """Start a program in the test's directory."""
        argv = tuple(self.inside(argument) for argument in argv)
        self.sandbox.start(Launch(name, argv, Path(self.inside(self._directory)), variables))

    def inside(self, path: Path | str) -> str:
        """The path by which the processes see a file."""
        return self.sandbox.inside(Path(path)) if str(path).startswith("/") else str(path)

    def shell(self, script: str, name: str = "p", variables: Mapping[str, str] = VARIABLES) -> None:
        """Start a shell script."""
        self.start("/bin/sh", "-c", script, name=name, variables=variables)

    def history(self, name: str = "p") -> History:
        """The events of a process up to now."""
        return History(
            [event for event in self.events if not isinstance(event, Moved | Notice) and event.name == name]
        )

    async def until(self, condition: Callable[[History], bool], name: str = "p") -> History:
        """Wait for a condition on the events of a process."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition(self.history(name)):
                self._news.clear()
                await self._news.wait()
        return self.history(name)

    async def ended(self, name: str = "p") -> History:
        """Wait until a process has ended or its start was refused."""
        return await self.until(
            lambda history: bool(history.events) and not isinstance(history.events[-1], Output), name
        )

    async def says(self, line: bytes, name: str = "p") -> History:
        """Wait for a line."""
        return await self.until(lambda history: line + b"\n" in history.output, name)


@asynccontextmanager
async def watching(
    directory: Path,
    limits: Limits = CURRENT,
    confinement: Confinement = CONFINEMENT,
    hierarchies: Sequence[Hierarchy] = (),
) -> AsyncIterator[Watch]:
    """Open a sandbox, and close it at the end."""
    watch = Watch(limits, directory, confinement, hierarchies)
    try:
        watch.listener = await watch.sandbox.open(watch.note)
        yield watch
    finally:
        if watch.listener is not None:
            watch.listener.close()
        await watch.sandbox.close()


async def run_shell(directory: Path, script: str, limits: Limits = CURRENT) -> History:
    """Run a shell script to its end."""
    async with watching(directory, limits) as watch:
        watch.shell(script)
        return await watch.ended()


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a test's coroutine on uvloop; fail if the loop's exception handler is called."""
    problems: list[dict[str, Any]] = []

    async def watched() -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: problems.append(context))
        return await main

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(watched())
    assert not problems, problems
    return result


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition on what the kernel does, which sends no event."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def program(path: Path, text: str, mode: int = 0o755) -> str:
    """Write a program and return its path."""
    path.write_text(text)
    path.chmod(mode)
    return str(path)


async def gone(pid: int) -> bool:
    """Wait until a process has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(DEADLINE_S):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return True
