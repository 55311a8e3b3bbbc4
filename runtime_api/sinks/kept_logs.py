"""Keeps what functions write: collects the texts of journals' entries, and hands them on in chunks for a store.

Nothing waits for it. The server's own log gives it what it has made of the entries (`FunctionLog.keep`). A store that
does not keep up, or a full disk, costs lines, and that is said.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from runtime_api.service.logs.chunks import Chunk, Extent, lines_in, section

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.service.logs.chunks import Section, StreamKey

__all__ = ["KeptLogs", "KeptStream"]

COLLECT_S = 0.05  # a text is held this long
COLLECTIONS = 5  # make a chunk: a transaction of the store costs as much as some hundred entries
CHUNK_BYTES = 262_144  # so do these
WAITING_BYTES = 16_777_216  # of chunks that the store has not written; the next ones are lost


class KeptStream:
    """The log stream of one execution environment; `keep` takes the time of an entry and its text."""

    __slots__ = ("_texts", "_times", "keep", "key", "number")

    def __init__(self, logs: KeptLogs, key: StreamKey, number: int) -> None:
        self._times: list[float] = []
        self._texts: list[bytes] = []
        self.key = key
        self.number = number
        self.keep = self._keeper(logs)

    def _keeper(self, logs: KeptLogs) -> Callable[[float, bytes], None]:
        """What takes a text. Each invocation calls it twice or more, and names of a closure are found fastest."""
        times, active, arm = self._times, logs.active, logs.arm
        hold_time, hold_text = times.append, self._texts.append

        def keep(at: float, text: bytes) -> None:
            if not times:
                active.append(self)
                arm()
            hold_time(at)
            hold_text(text)

        return keep

    def section(self, offset_ms: float) -> Section:
        """Turn what is held into a section; `offset_ms` makes Unix milliseconds of the times of entries."""
        texts, times = self._texts, self._times
        made = section(self.number, times, offset_ms, texts)
        times.clear()
        texts.clear()
        return made


class KeptLogs:
    """Hands chunks to `write`, which returns a future; `note` gets lines for the log of the server.

    `make_text` has that log give what it has not given yet.
    """

    def __init__(
        self,
        write: Callable[[Chunk], asyncio.Future[None]],
        note: Callable[[bytes], None],
        make_text: Callable[[], None] = lambda: None,
    ) -> None:
        self._make_text = make_text
        self._write = write
        self._note = note
        self.active: list[KeptStream] = []  # those that hold entries
        self._numbers = 0
        self._timer: asyncio.TimerHandle | None = None
        self._sections: list[bytes] = []
        self._extents: dict[int, tuple[StreamKey, Extent]] = {}
        self._size = self._collections = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._waiting_bytes = 0
        self._lost_lines = 0

    def stream(self, key: StreamKey) -> KeptStream:
        """Return a new stream; the store makes it with its first entry."""
        self._numbers += 1
        return KeptStream(self, key, self._numbers)

    def arm(self) -> None:
        """See to it that what is held is kept soon."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(COLLECT_S, self._tick)

    async def flush(self) -> None:
        """Return when everything that was logged before is written, or lost."""
        self._make_text()
        self._collect()
        self._hand_on()
        if self._waiting:
            await asyncio.wait(tuple(self._waiting))

    async def close(self) -> None:
        """Write what is left."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self.flush()
        await asyncio.sleep(0)  # for losses to be reported

    def _tick(self) -> None:
        self._timer = None
        self._collect()
        self._collections += 1
        if self._collections >= COLLECTIONS or self._size >= CHUNK_BYTES:
            self._hand_on()
        elif self._sections:
            self.arm()

    def _collect(self) -> None:
        """Turn what streams hold into sections."""
        offset_ms = (time.time() - time.monotonic()) * 1000  # entries have times of the monotonic clock
        for stream in self.active:
            made = stream.section(offset_ms)
            if made.extent.size:
                self._sections += made.parts
                self._size += made.extent.size
                known = self._extents.get(stream.number)
                extent = made.extent if known is None else _joined(known[1], made.extent)
                self._extents[stream.number] = (stream.key, extent)
        self.active.clear()

    def _hand_on(self) -> None:
        """Make a chunk of the sections, and pass it on without waiting for the store."""
        if not self._sections:
            return
        chunk = Chunk(b"".join(self._sections), self._extents)
        self._sections.clear()
        self._extents = {}
        self._size = self._collections = 0
        if self._waiting_bytes > WAITING_BYTES:
            self._lose(chunk, "the disk does not keep up")
            return
        future = self._write(chunk)
        self._waiting.add(future)
        self._waiting_bytes += len(chunk.data)
        future.add_done_callback(partial(self._written, chunk))

    def _written(self, chunk: Chunk, future: asyncio.Future[None]) -> None:
        self._waiting.discard(future)
        self._waiting_bytes -= len(chunk.data)
        error = future.exception()
        if error is not None:
            self._lose(chunk, str(error))
        elif self._lost_lines:
            lost, self._lost_lines = self._lost_lines, 0
            self._note(f"bootjack: logs are kept again; {lost} lines were not\n".encode())

    def _lose(self, chunk: Chunk, reason: str) -> None:
        if not self._lost_lines:
            self._note(f"bootjack: logs are not kept: {reason}\n".encode())
        self._lost_lines += max(lines_in(chunk.data), 1)


def _joined(one: Extent, other: Extent) -> Extent:
    return Extent(min(one.first_ms, other.first_ms), max(one.last_ms, other.last_ms), one.size + other.size)
