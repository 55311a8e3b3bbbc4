"""Gives inputs to both ports in this process, over connections in memory."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.inputs import Ending, Port
from tests.fuzz.memory import MemoryLoop
from tests.fuzz.mutations import make
from tests.fuzz.oracles import desynchronised, wrong
from tests.fuzz.runs import ENOUGH, Run
from tests.web.ports import Ports
from tests.web.requests import post
from tests.web.ways import INVOKE

if TYPE_CHECKING:
    from tests.fuzz.inputs import Input
    from tests.fuzz.memory import Peer

__all__ = ["Fuzz", "run_in_process"]

CPU_S = 0.25  # for one input of at most 200 KB, the best of several tries
TRIES = 3
TURNS = 20_000  # of the event loop
HELD = ("Connection", "Exchange", "Task")  # objects that belong to one connection
LOOK = 50_000  # inputs between two looks at memory and descriptors
ALLOWED_MB = 16.0  # growth of the memory from the first look to the last
ALLOWED_HELD = 20  # objects of connections that have ended


class Fuzz:
    """Both ports, and what they make of inputs. A context manager."""

    def __init__(self) -> None:
        self._loop = MemoryLoop()
        self._ports = Ports()

    def __enter__(self) -> Fuzz:
        self._loop.run_until_complete(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._ports.close())
        self._loop.close()

    def complaint(self, given: Input) -> str | None:
        """Say what did not hold for this input."""
        why, cpu_s = self._try(given)
        if why is None and cpu_s > CPU_S:
            cpu_s = min(cpu_s, *(self._try(given)[1] for _ in range(TRIES)))
            if cpu_s > CPU_S:
                return f"takes {cpu_s:.2f} s of CPU time"
        return why

    def held(self) -> dict[str, int]:
        """How many objects of connections are left, though there are no connections."""
        gc.collect()
        names = [type(each).__name__ for each in gc.get_objects() if type(each).__name__ in HELD]
        return {name: names.count(name) for name in set(names)}

    async def _begin(self) -> None:
        await self._ports.listen()

    def _try(self, given: Input) -> tuple[str | None, float]:
        begin = time.thread_time()
        try:
            why = self._loop.run_until_complete(self._give(given))
        except Exception as error:
            why = f"an exception in a protocol: {error!r}"
        return why, time.thread_time() - begin

    async def _give(self, given: Input) -> str | None:
        loop, ports = self._loop, self._ports
        environment = ports.begin(streams=len(given.data) % 2 == 0)
        payloads = ports.dispatch.payloads = []
        peer = loop.connect((ports.public if given.port is Port.PUBLIC else ports.runtime)[1])
        at_rest = await self._talk(given, peer)
        ended = peer.ended
        why = self._problem()
        if why is None and not at_rest:
            why = f"the server is still busy after {TURNS} turns of its event loop"
        if why is None:
            why = wrong(given, bytes(peer.received), ended)
        peer.leave(ConnectionResetError() if given.ending is Ending.RESET else None)
        await loop.quiet(TURNS)
        if given.port is Port.RUNTIME:
            payloads = [outcome.body for outcome in environment.outcomes if outcome.status == "success"]
        return why or self._problem() or desynchronised(given, payloads)

    async def _talk(self, given: Input, peer: Peer) -> bool:
        """Send everything; True when the server has done all it can do then."""
        loop = self._loop
        if given.ending is Ending.DEAF:
            peer.stop_reading()
        for piece in given.pieces:
            peer.send(piece)
            await loop.quiet(TURNS)
        if given.ending is Ending.VANISH:
            peer.leave(ConnectionResetError())
        if given.ending is Ending.DEAF:
            peer.read_on()
            await loop.quiet(TURNS)
        if given.ending in (Ending.HALF, Ending.DEAF):
            peer.finish_sending()
        return await loop.quiet(TURNS)

    def _problem(self) -> str | None:
        for name, found in (("in the event loop", self._loop.problems), ("on stderr", self._loop.tracebacks)):
            if found:
                why = f"{name}: {found[0]}"
                found.clear()
                return why
        return None

    def is_answering(self) -> bool:
        """Whether a good request is answered."""
        answer = self._loop.run_until_complete(self._ask(post(INVOKE, b'"still here"')))
        return answer.endswith(b'"still here"')

    async def _ask(self, request: bytes) -> bytes:
        peer = self._loop.connect(self._ports.public[1])
        peer.send(request)
        while not peer.received:
            await self._loop.quiet(TURNS)
            if not peer.received:
                await _moment()
        await self._loop.quiet(TURNS)
        peer.leave()
        await self._loop.quiet(TURNS)
        return bytes(peer.received)


async def _moment() -> None:
    """Let a thread go on that the event loop waits for."""
    await asyncio.sleep(0.01)


def run_in_process(seed: int, first: int, inputs: int, folder: Path) -> Run:
    """Give this many inputs to the ports in this process."""
    began = time.monotonic()
    failures: list[tuple[int, str]] = []
    number = first
    with Fuzz() as fuzz:
        before: tuple[float, int] | None = None
        for number in range(first, first + inputs):
            given = make(seed, number)
            why = fuzz.complaint(given)
            if why is not None:
                failures.append((number, why))
                given.store(f"{why}\nseed {seed}, number {number}", folder)
            if len(failures) >= ENOUGH:
                break
            if before is None and number - first == LOOK:
                before = _memory_mb(), _descriptors()
        failures += [(-1, why) for why in _as_a_whole(fuzz, before)]
    return Run(number + 1 - first, time.monotonic() - began, failures)


def _as_a_whole(fuzz: Fuzz, before: tuple[float, int] | None) -> list[str]:
    found = []
    if not fuzz.is_answering():
        found.append("a good request is not answered any more")
    if sum(held := fuzz.held().values()) > ALLOWED_HELD:
        found.append(f"objects of connections are left: {held}")
    if before is not None:
        if (grown := _memory_mb() - before[0]) > ALLOWED_MB:
            found.append(f"memory has grown by {grown:.0f} MB")
        if (opened := _descriptors() - before[1]) > 0:
            found.append(f"{opened} descriptors are left open")
    return found


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
