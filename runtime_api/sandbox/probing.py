"""Finds out whether bubblewrap works on this machine, by trying it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from typing import IO

from .bwrap import find_bwrap, probe_command
from .reaping import kill_group, when_ended

__all__ = ["why_not"]

PROBE_S = 10.0
MESSAGE_BYTES = 4096


async def why_not() -> str:
    """Why bubblewrap does not work here; empty if it does."""
    if not sys.platform.startswith("linux"):
        return "bubblewrap needs Linux"
    if find_bwrap() is None:
        return "bubblewrap is not installed (apt-get install bubblewrap, dnf install bubblewrap)"
    if not sys.executable:
        return "this Python does not know where its interpreter is (sys.executable is empty)"
    try:
        message = await _probe()
    except TimeoutError:
        return f"bubblewrap does not work here: it does not end within {PROBE_S:.0f} s"
    except OSError as error:
        return f"bubblewrap does not work here: {error}"
    if message is None:
        return ""
    cause = "it needs user namespaces, which this system or container forbids"
    return f"bubblewrap does not work here ({message}): {cause}"


async def _probe() -> str | None:
    """Build a sandbox; the error message if that fails. Leaves nothing running, even when cancelled."""
    with tempfile.TemporaryFile() as errors:
        process = _start(errors)
        ended = asyncio.Event()
        when_ended(process, lambda _status, _maxrss: ended.set())
        try:
            async with asyncio.timeout(PROBE_S):
                await ended.wait()
        finally:
            if not ended.is_set():
                kill_group(process.pid)
                await ended.wait()
        errors.seek(0)
        message = errors.read(MESSAGE_BYTES).decode(errors="replace").strip()
        return None if process.returncode == 0 else message or f"it ended with {process.returncode}"


def _start(errors: IO[bytes]) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(probe_command(), stdin=nothing, stdout=nothing, stderr=errors, start_new_session=True)
