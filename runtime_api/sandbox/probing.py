"""Whether bubblewrap works on this machine, which is found out by trying."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import IO

from .enclosure import BUILD_S, find_bwrap, probe_command
from .reaping import when_ended

__all__ = ["why_not"]

PROBE_S = 10.0
WORDS_BYTES = 4096


async def why_not() -> str:
    """Why bubblewrap does not work here; empty when it does, which is tried."""
    if not sys.platform.startswith("linux"):
        return "bubblewrap needs Linux"
    if find_bwrap() is None:
        return "bubblewrap is not installed (apt-get install bubblewrap, dnf install bubblewrap)"
    if not sys.executable:
        return "this Python does not know where its interpreter is"
    try:
        said = await _probe()
    except TimeoutError:
        return f"bubblewrap does not work here: it does not end within {PROBE_S:.0f} s"
    except OSError as error:
        return f"bubblewrap does not work here: {error}"
    if said is None:
        return ""
    return f"bubblewrap does not work here ({said}): it needs user namespaces, which this system or container forbids"


async def _probe() -> str | None:
    """Build a sandbox; what was said when that failed. Whoever gives up waiting leaves nothing running."""
    with tempfile.TemporaryFile() as said:
        process = _begin(said)
        ended = asyncio.Event()
        when_ended(process, lambda _status, _maxrss: ended.set())
        try:
            async with asyncio.timeout(PROBE_S):
                await ended.wait()
        finally:
            await _see_off(process, ended)
        said.seek(0)
        words = said.read(WORDS_BYTES).decode(errors="replace").strip()
        return None if process.returncode == 0 else words or f"it ended with {process.returncode}"


async def _see_off(process: subprocess.Popen[bytes], ended: asyncio.Event) -> None:
    """It ends by itself in a moment; what is killed meanwhile may leave a child that waits for it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(BUILD_S):
            await ended.wait()
            return
    process.kill()
    await ended.wait()


def _begin(said: IO[bytes]) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(probe_command(), stdin=nothing, stdout=nothing, stderr=said, start_new_session=True)
