"""A streamed response between the runtime that sends it and the caller who reads it.

The runtime sends as fast as the caller reads: from HIGH_BYTES on that nobody has read, nothing more is read from the
runtime until LOW_BYTES are left. A caller who has gone holds up nobody: what comes then is dropped, and the function
goes on, as on Lambda.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runtime_api.protocol.streaming import Shaper
    from runtime_api.service.seams.dispatch import InvokeResult

__all__ = ["Flow", "ResponseStream"]

HIGH_BYTES = 262_144
LOW_BYTES = 65_536


class Flow(Protocol):
    """What a runtime is sending."""

    def hold(self) -> None:
        """Read no more of it for now."""

    def resume(self) -> None:
        """Read on."""


class ResponseStream:
    """Implements `BodyStream`. The environment puts in, the caller reads."""

    def __init__(self, flow: Flow, content_type: str | None, shaper: Shaper | None = None) -> None:
        self.content_type = content_type
        self.result: InvokeResult | None = None
        self._flow = flow
        self._shaper = shaper
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_held = self._is_left = self._runs_out = False
        self._reader: asyncio.Future[None] | None = None

    # -- the environment's side

    def put(self, data: bytes) -> None:
        """Add a piece."""
        if self._is_left:
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= HIGH_BYTES and not self._is_held and not self._runs_out:
            self._is_held = True
            self._flow.hold()
        self._wake()

    def run_out(self) -> None:
        """The runtime has exited: take all that it has sent, which the kernel's buffers bound."""
        self._runs_out = True
        self._resume()

    def finish(self, result: InvokeResult) -> None:
        """End the stream: `result` is how the invocation ended, without what was streamed."""
        self.result = result
        self._wake()

    # -- the caller's side

    async def read(self) -> bytes:
        """Return what has come and was not read, as soon as there is something; nothing once `result` is known."""
        while True:
            if not self._pieces:
                if self.result is not None:
                    return b""
                self._reader = self._loop.create_future()
                await self._reader
            elif self._shaper is None:
                return self._take(self._size)
            elif wait_s := self._shaper.wait_s(self._loop.time()):
                await asyncio.sleep(wait_s)
            else:
                return self._take(self._shaper.take(self._size))

    def leave(self) -> None:
        """Read no more."""
        self._is_left = True
        self._pieces.clear()
        self._took(self._size)

    def _take(self, size: int) -> bytes:
        data = b"".join(self._pieces)
        self._pieces = [data[size:]] if size < len(data) else []
        self._took(size)
        return data[:size]

    def _took(self, size: int) -> None:
        self._size -= size
        if self._size <= LOW_BYTES:
            self._resume()

    def _resume(self) -> None:
        if self._is_held:
            self._is_held = False
            self._flow.resume()

    def _wake(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None and not reader.done():
            reader.set_result(None)
