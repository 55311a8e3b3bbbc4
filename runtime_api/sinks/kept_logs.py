"""Keeps what functions write: collects the entries of journals, and hands them on in chunks for a store.

Nothing waits for it. An entry is held as it is, and becomes bytes some milliseconds later, of the text that the
server's own log has made already. A store that does not keep up, or a full disk, costs lines, and that is said.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from runtime_api.protocol.journal import Entry
from runtime_api.protocol.platform_events import FaultLine
from runtime_api.service.logs.chunks import Chunk, Extent, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.service.logs.chunks import StreamKey

__all__ = ["KeptLogs", "KeptStream"]

BATCH_S = 0.05  # an entry waits this long for others
SET_BACK_MS = 1000  # beyond this, a clock was set back, and is believed
WAITING_BYTES = 16_777_216  # of chunks that the store has not written; the next ones are lost


class KeptStream:
    """The log stream of one execution environment: a consumer of its journal."""

    __slots__ = ("_held", "_logs", "key", "number", "text")

    def __init__(
        self,
        logs: KeptLogs,
        held: list[tuple[KeptStream, Entry]],
        key: StreamKey,
        number: int,
        text: Callable[[Entry], bytes],
    ) -> None:
        self._logs = logs
        self._held = held
        self.key = key
        self.number = number
        self.text = text

    def consume(self, entry: Entry) -> None:
        """Take an entry; it is kept soon."""
        held = self._held
        held.append((self, entry))
        if len(held) == 1:
            self._logs.arm()


class KeptLogs:
    """Hands chunks to `write`, which returns a future; `note` gets lines for the log of the server."""

    def __init__(self, write: Callable[[Chunk], asyncio.Future[None]], note: Callable[[bytes], None]) -> None:
        self._write = write
        self._note = note
        self._held: list[tuple[KeptStream, Entry]] = []
        self._numbers = 0
        self._timer: asyncio.TimerHandle | None = None
        self._latest_ms = 0  # of an event: the next one gets no earlier time
        self._waiting: set[asyncio.Future[None]] = set()
        self._waiting_bytes = 0
        self._lost_lines = 0

    def stream(self, key: StreamKey, text: Callable[[Entry], bytes] = Entry.text) -> KeptStream:
        """Return a new stream; `text` is how its entries are written. It is made with its first entry."""
        self._numbers += 1
        return KeptStream(self, self._held, key, self._numbers, text)

    def arm(self) -> None:
        """See to it that what is held is written soon."""
        self._timer = asyncio.get_running_loop().call_later(BATCH_S, self.pass_on)

    def pass_on(self) -> None:
        """Hand on what is held, without waiting for the store."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        chunk = self._chunk() if self._held else None
        if chunk is None or not chunk.data:
            return
        if self._waiting_bytes > WAITING_BYTES:
            self._lose(chunk, "the disk does not keep up")
            return
        future = self._write(chunk)
        self._waiting.add(future)
        self._waiting_bytes += len(chunk.data)
        future.add_done_callback(lambda future: self._written(future, chunk))

    async def flush(self) -> None:
        """Return when everything that was consumed before is written, or lost."""
        self.pass_on()
        if self._waiting:
            await asyncio.wait(tuple(self._waiting))

    async def close(self) -> None:
        """Write what is left."""
        await self.flush()
        await asyncio.sleep(0)  # for losses to be reported

    def _written(self, future: asyncio.Future[None], chunk: Chunk) -> None:
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
        self._lost_lines += chunk.data.count(b"\n")

    def _chunk(self) -> Chunk:
        """Turn all that is held into a chunk."""
        held = self._held.copy()
        self._held.clear()
        offset_ms = (time.time() - time.monotonic()) * 1000  # the machine's times are of the monotonic clock
        latest = self._latest_ms
        frames: list[bytes] = []
        sizes: dict[KeptStream, list[int]] = {}  # of each stream the first time, the last, and the bytes of text
        for stream, entry in held:
            text = stream.text(entry)
            if not text:
                continue
            at_ms = int(entry.at + offset_ms)
            if at_ms > latest or at_ms < latest - SET_BACK_MS:
                latest = at_ms
            frames.append(frame(stream.number, entry.records[0].__class__ is FaultLine, latest, text))
            size = sizes.get(stream)
            if size is None:
                sizes[stream] = [latest, latest, len(text)]
            else:
                size[1] = latest
                size[2] += len(text)
        self._latest_ms = latest
        return Chunk(b"".join(frames), {each.number: (each.key, Extent(*size)) for each, size in sizes.items()})
