"""Sends the events of schedules when they are due.

What was due while no server ran is sent once, however often it was. When a test moves the clock, every due time that
it passes is sent for, as if the time had gone by.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import orjson

from runtime_api.service.errors import ServiceError
from runtime_api.service.schedules import scheduled_event

from .ids import uuid4
from .invoker import EVENT, InvokeRequest, Queued
from .tracebacks import traceback_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runtime_api.service.owners import Owner
    from runtime_api.service.schedules import Schedule
    from runtime_api.store.sqlite.schedules import StoredSchedules

    from .clock import Clock
    from .invoker import Invoker

__all__ = ["Due", "Scheduler"]

LONGEST_SLEEP_S = 3600.0  # the wall clock may be set meanwhile
MOST_PASSED = 1000  # due times of one schedule that a moved clock passes; the rest counts as missed


class Due(NamedTuple):
    """A schedule, and when it is due next; None: never again."""

    schedule: Schedule
    due_ms: float | None


class Scheduler:
    """Runs schedules for one owner; without `stored` they begin anew with each server."""

    def __init__(
        self,
        schedules: Sequence[Schedule],
        invoker: Invoker,
        owner: Owner,
        clock: Clock,
        write: Callable[[bytes], None],
        stored: StoredSchedules | None = None,
    ) -> None:
        self._invoker = invoker
        self._owner = owner
        self._clock = clock
        self._write = write
        self._stored = stored
        self._moved = False
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        known = {} if stored is None else stored.load()
        now_ms = clock.now_ms()
        self._runs = [_Run(each, *known.pop(_name(each), (now_ms, now_ms))) for each in schedules]
        self._gone = known  # of earlier servers
        clock.watch(self._jump)

    def start(self) -> None:
        """Begin to send events, if there are schedules; forget those that there are no more."""
        if self._stored is not None:
            for name in self._gone:
                self._stored.forget(name)
        if self._runs:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Send no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    def listed(self) -> list[Due]:
        """Return every schedule with its next due time."""
        return [Due(run.schedule, run.due_ms()) for run in self._runs]

    def _jump(self) -> None:
        self._moved = True
        self._news.set()

    async def _work(self) -> None:
        for run in self._runs:
            self._save(run)
        while True:
            self._news.clear()
            moved, self._moved = self._moved, False
            for run in self._runs:
                await self._send_due(run, MOST_PASSED if moved else 1)
            due = [due_ms for run in self._runs if (due_ms := run.due_ms()) is not None]
            wait_s = min([LONGEST_SLEEP_S, *((due_ms - self._clock.now_ms()) / 1000 for due_ms in due)])
            try:
                async with asyncio.timeout(max(wait_s, 0)):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _send_due(self, run: _Run, most: int) -> None:
        """Send for so many due times of what is due; the others are missed."""
        now_ms = self._clock.now_ms()
        for _ in range(most):
            due_ms = run.due_ms()
            if due_ms is None or due_ms > now_ms:
                return
            await self._send(run.schedule, due_ms)
            run.seen_ms = due_ms
            self._save(run)
        if run.seen_ms < now_ms:
            run.seen_ms = now_ms
            self._save(run)

    async def _send(self, schedule: Schedule, due_ms: float) -> None:
        event = scheduled_event(schedule, self._owner, due_ms, uuid4())
        try:
            accepted = self._invoker.check(InvokeRequest(schedule.function, orjson.dumps(event), type=EVENT))
            result = await self._invoker.submit(accepted)
            problem = None if isinstance(result, Queued) else f"its queue is full ({type(result).__name__})"
        except ServiceError as error:
            problem = error.message
        except Exception as error:  # the disk fails, for example: the schedule goes on
            self._write(traceback_lines(f"{schedule.expression} could not be sent to {schedule.function}", error))
            return
        if problem is not None:
            line = f"bootjack: {schedule.expression} was not sent to {schedule.function}: {problem}\n"
            self._write(line.encode(errors="replace"))

    def _save(self, run: _Run) -> None:
        if self._stored is not None:
            self._stored.save(_name(run.schedule), run.began_ms, run.seen_ms)


class _Run:
    """A schedule that runs."""

    def __init__(self, schedule: Schedule, began_ms: float, seen_ms: float) -> None:
        self.schedule = schedule
        self.began_ms = began_ms
        self.seen_ms = seen_ms  # what was due up to then has been sent

    def due_ms(self) -> float | None:
        return self.schedule.next_after(self.began_ms, self.seen_ms)


def _name(schedule: Schedule) -> str:
    return f"{schedule.expression}={schedule.function}"
