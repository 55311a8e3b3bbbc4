"""Gives inputs to both ports of `bootjack serve`, over sockets: what memory cannot show, such as reads and resets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import struct
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.commands.functions import write_bootstrap
from tests.e2e.running import Serve
from tests.fuzz.inputs import Ending, Port
from tests.fuzz.mutations import make
from tests.fuzz.oracles import wrong
from tests.fuzz.runs import ENOUGH, Run
from tests.web.ports import FUNCTION
from tests.web.requests import post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.inputs import Input

__all__ = ["run_over_sockets"]

AT_ONCE = 8  # connections
LIMIT_S = 60.0  # for one connection to come to its end
CPU_S = 0.05  # of the server for each input, on average
ALLOWED_MB = 32.0  # growth of a server's memory from the first look to the last
ALLOWED_FILES = 40  # environments that start later: each has a port, pipes and a connection
WARM_UP = 2000  # inputs before the first look
FAULTS = re.compile(r"Traceback|Error handling request|Task exception|never retrieved")


class Servers:
    """A server for each port: one with a function, and one whose runtime somebody else plays: the fuzz."""

    def __init__(self, folder: Path) -> None:
        code = write_bootstrap(folder / "code")
        self._public = Serve("--sandbox", "process", "--concurrency", "4", f"{FUNCTION}={code}", shown=False)
        self._runtime = Serve("--only-lambda-apis", "--runtime-api-port", "0", shown=False)
        exported = self._runtime.wait_for(r"export AWS_LAMBDA_RUNTIME_API='?127\.0\.0\.1:(\d+)")
        self.ports = {Port.PUBLIC: self._public.port, Port.RUNTIME: int(exported[1])}
        self._all = (self._public, self._runtime)
        self._ended = threading.Event()
        self._caller = threading.Thread(target=self._keep_calling)
        self._caller.start()

    def _keep_calling(self) -> None:
        """Have an event for the next poll of the Runtime API; the answer may be anything."""
        while not self._ended.wait(0.02):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._runtime.port)) as peer:
                peer.settimeout(0.5)
                peer.sendall(post("/2015-03-31/functions/function/invocations", b"{}", "Connection: close"))
                while peer.recv(1 << 16):
                    pass

    def faults(self) -> list[str]:
        """What the servers have written that nobody should see."""
        return [line for server in self._all for line in server.log().splitlines() if FAULTS.search(line)]

    def look(self) -> list[tuple[float, int, float]]:
        """Memory in MB, open descriptors and CPU time in seconds of each."""
        return [_look(server.process.pid) for server in self._all]

    def is_answering(self) -> bool:
        """Whether good requests are answered."""
        return self._public.invoke(b'"still here"', FUNCTION).body == b'"still here"'

    def stop(self) -> list[int]:
        """End both; returns their exit codes."""
        self._ended.set()
        self._caller.join()
        return [server.stop() for server in self._all]


def run_over_sockets(seed: int, first: int, inputs: int, folder: Path) -> Run:
    """Give this many inputs to the ports of servers."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bootjack-fuzz-") as scratch:
        servers = Servers(Path(scratch))
        try:
            failures = asyncio.run(_fuzz(servers, seed, first, inputs, folder))
        finally:
            codes = servers.stop()
    failures += [(-1, f"a server exited with {code}") for code in codes if code]
    return Run(inputs, time.monotonic() - began, failures)


async def _fuzz(servers: Servers, seed: int, first: int, inputs: int, folder: Path) -> list[tuple[int, str]]:
    failures: list[tuple[int, str]] = []
    warm = min(WARM_UP, inputs // 2)
    await _together(servers, iter(range(first, first + warm)), seed, folder, failures)
    before = servers.look()
    await _together(servers, iter(range(first + warm, first + inputs)), seed, folder, failures)
    after = await _at_rest(servers, before)
    for (memory, files, cpu), (memory_then, files_then, cpu_then) in zip(after, before, strict=True):
        if memory - memory_then > ALLOWED_MB:
            failures.append((-1, f"a server's memory has grown by {memory - memory_then:.0f} MB"))
        if files > files_then + ALLOWED_FILES:
            failures.append((-1, f"{files - files_then} descriptors of a server are left open"))
        if (cpu - cpu_then) / max(1, inputs - warm) > CPU_S:
            failures.append((-1, f"a server took {cpu - cpu_then:.1f} s of CPU time for {inputs - warm} inputs"))
    failures += [(-1, line) for line in servers.faults()[:ENOUGH]]
    if not await asyncio.to_thread(servers.is_answering):
        failures.append((-1, "a good request is not answered any more"))
    return failures


async def _at_rest(servers: Servers, before: list[tuple[float, int, float]]) -> list[tuple[float, int, float]]:
    """The last look, once the descriptors are those from before, or do not become so in time."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        after = servers.look()
        if (
            all(now[1] <= then[1] + ALLOWED_FILES for now, then in zip(after, before, strict=True))
            or time.monotonic() > deadline
        ):
            return after
        await asyncio.sleep(0.2)


async def _together(
    servers: Servers, numbers: Iterator[int], seed: int, folder: Path, failures: list[tuple[int, str]]
) -> None:
    async def work() -> None:
        for number in numbers:
            if len(failures) >= ENOUGH:
                return
            given = make(seed, number)
            why = await _complaint(servers, given)
            if why is not None:
                failures.append((number, why))
                given.store(f"{why}\nseed {seed}, number {number}, over sockets", folder)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def _complaint(servers: Servers, given: Input) -> str | None:
    try:
        async with asyncio.timeout(LIMIT_S):
            answer, whole = await _talk(servers.ports[given.port], given)
    except TimeoutError:
        return f"the connection is still open after {LIMIT_S:.0f} s"
    if not whole:
        return None  # a reset may lose what was written before it
    # Whether the server has ended the connection before its peer did is not to be seen here.
    return wrong(given, answer, ended=True)


async def _talk(port: int, given: Input) -> tuple[bytes, bool]:
    """Send an input and read to the end; False where the connection was reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    answer = b""
    try:
        for piece in given.pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if given.ending is Ending.VANISH:
            _reset(writer)
            return b"", False
        writer.write_eof()
        answer = await reader.read()
        if given.ending is Ending.RESET:
            _reset(writer)
        return answer, True
    except OSError:
        return answer, False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _reset(writer: asyncio.StreamWriter) -> None:
    found = writer.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _look(pid: int) -> tuple[float, int, float]:
    process = Path(f"/proc/{pid}")
    pages = int((process / "statm").read_text().split()[1])
    fields = (process / "stat").read_text().rpartition(") ")[2].split()
    seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(list((process / "fd").iterdir())), seconds
