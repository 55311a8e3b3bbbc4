"""Signals that ask a command to end: SIGINT, SIGTERM and SIGHUP. Each one that comes presses harder.

    first    The command stops what it is doing. A coroutine is cancelled inside its `interruptible` block; the code
             around the block, which cleans up, goes on undisturbed. Code that is not run by `run` is unwound by
             Interrupted, which is a SystemExit.
    second   The command stops waiting. If an `interruptible` block is running, it is cancelled; otherwise every
             process that the command has started is killed. What is left to do gets HURRY_S, then the command's
             temporary directories are removed and it exits anyway.
    third    The default action: the kernel kills the command.

A signal that is ignored when the command starts stays ignored, as `nohup` wants it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from .preflight import need_threads

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

__all__ = ["Interrupted", "deferred", "handle_signals", "interruptible", "removing", "run"]

Result = TypeVar("Result")

HURRY_S = 0.5
REMOVALS = 10  # of a directory that somebody else writes to, or removes, at the same time
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(SystemExit):
    """A signal asks the command to end; left alone, it exits with 128 + N, as shells say that signal N ended it."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


def handle_signals() -> None:
    """Let the signals end the command in good order from now on."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _signals.receive)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run the coroutine of a command, and leave no process behind.

    The first signal reaches its `interruptible` blocks only. One that comes after the last of them takes effect when
    everything is cleaned up.
    """
    import uvloop

    from runtime_api.sandbox.plain.own_tmp import remove_all
    from runtime_api.sandbox.processes.killing import kill_descendants
    from runtime_api.sandbox.processes.orphans import adopted_orphans

    try:
        need_threads()
    except SystemExit:
        work.close()  # or Python would complain that it was never awaited
        raise
    _signals.kill, _signals.tidy = kill_descendants, remove_all
    with deferred(), adopted_orphans():
        try:
            return uvloop.run(work)
        finally:
            kill_descendants()  # what could not be closed in order


@contextmanager
def interruptible() -> Iterator[None]:
    """Cancel the code in this block at the next signal, and raise Interrupted in its place."""
    import asyncio

    task = asyncio.current_task()
    assert task is not None
    block = _Block(task, asyncio.get_running_loop())
    cancelling = task.cancelling()
    _signals.block = block
    try:
        _signals.raise_deferred()
        yield
    except asyncio.CancelledError:
        if block.cancelled_by and task.uncancel() <= cancelling:
            raise Interrupted(block.cancelled_by) from None
        raise
    finally:
        block.over = True
        if _signals.block is block:
            _signals.block = None


@contextmanager
def deferred() -> Iterator[None]:
    """Let a first signal that comes inside this block take effect at its end, so that cleaning up is completed."""
    _signals.deferring += 1
    try:
        yield
    finally:
        _signals.deferring -= 1
        if not _signals.deferring:
            _signals.raise_deferred()


@contextmanager
def removing(folder: Callable[[], Path | None]) -> Iterator[None]:
    """Have this directory removed, and what was started killed, when signals end the command before the block can."""
    from runtime_api.sandbox.processes.killing import kill_descendants

    _signals.kill = kill_descendants
    _signals.litter.append(folder)
    try:
        yield
    finally:
        _signals.litter.remove(folder)


class _Block:
    """An `interruptible` block that is running."""

    def __init__(self, task: asyncio.Task[Any], loop: asyncio.AbstractEventLoop) -> None:
        self.over = False
        self.cancelled_by = 0
        self._task = task
        self._loop = loop

    def cancel(self, number: int) -> None:
        """Cancel it; called by a signal handler, which may interrupt the loop anywhere."""
        self._loop.call_soon_threadsafe(self._cancel, number)

    def _cancel(self, number: int) -> None:
        if self.over:  # the block ended before the loop came to this
            _signals.pass_on(number)
        else:
            self.cancelled_by = number
            self._task.cancel()


class _Signals:
    """The signals that this process has received, and what they act on."""

    def __init__(self) -> None:
        self.block: _Block | None = None
        self.deferring = 0
        self.waiting = 0  # the one that takes effect once nothing is deferred
        self.kill: Callable[[], None] = lambda: None  # nothing is started before `run`
        self.tidy: Callable[[], None] = lambda: None
        self.litter: list[Callable[[], Path | None]] = []  # directories to remove in any case
        self._count = 0

    def receive(self, number: int, _frame: object) -> None:
        self._count += 1
        if self._count > 1:
            self._hurry(number)
        if self.block is None and self._count > 1:
            self.kill()
        elif self.block is None and not self.deferring:
            raise Interrupted(number)
        else:
            self.pass_on(number)

    def pass_on(self, number: int) -> None:
        """Cancel the block that is running; without one, the signal waits for the next or for the end."""
        block, self.block = self.block, None
        if block is None:
            self.waiting = number
        else:
            block.cancel(number)

    def raise_deferred(self) -> None:
        """Let a signal take effect that has not had any."""
        number, self.waiting = self.waiting, 0
        if number:
            raise Interrupted(number)

    def _hurry(self, number: int) -> None:
        self.waiting = number  # whatever else goes wrong now, this is how the command ends
        for ending in ENDING:
            if signal.getsignal(ending) == self.receive:
                signal.signal(ending, signal.SIG_DFL)
        threading.Thread(target=self._exit_soon, args=(number,), daemon=True).start()

    def _exit_soon(self, number: int) -> None:
        time.sleep(HURRY_S)
        self.kill()
        self.tidy()
        for folder in tuple(self.litter):
            _remove(folder())
        os._exit(128 + number)


def _remove(folder: Path | None) -> None:
    """Remove a directory in which the main thread may still be at work."""
    import shutil

    for _ in range(REMOVALS):
        if folder is None or not folder.exists():
            return
        shutil.rmtree(folder, ignore_errors=True)


_signals = _Signals()
