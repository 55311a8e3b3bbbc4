"""Finds out whether bubblewrap works on this machine, and what it can do, by trying it."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import tempfile
from typing import IO, NamedTuple

from runtime_api.sandbox.processes.reaping import kill_group, when_ended

from .bwrap import NO_USER_NAMESPACES, find_bwrap, probe_command

__all__ = ["Probed", "probe"]

PROBE_S = 10.0
MESSAGE_BYTES = 4096


class Probed(NamedTuple):
    """What was found out."""

    why_not: str  # why it does not work here; empty if it does
    no_user_namespaces: bool = False  # it can forbid to make user namespaces inside


async def probe() -> Probed:
    """Try it, at first with all that it should do."""
    missing = _missing()
    if missing:
        return Probed(missing)
    try:
        async with asyncio.timeout(PROBE_S):
            if await _why_it_fails(NO_USER_NAMESPACES) is None:
                return Probed("", no_user_namespaces=True)
            # bubblewrap before 0.8 does not know the option; where /proc/sys is read-only, as in Docker, it fails
            message = await _why_it_fails()
    except TimeoutError:
        return Probed(f"bubblewrap does not work here: it does not end within {PROBE_S:.0f} s")
    except OSError as error:
        return Probed(f"bubblewrap does not work here: {error}")
    cause = "it needs user namespaces, which this system or container forbids"
    return Probed("" if message is None else f"bubblewrap does not work here ({message}): {cause}")


def _missing() -> str:
    """What is missing here, and how to get it."""
    if not sys.platform.startswith("linux"):
        return "bubblewrap needs Linux"
    if find_bwrap() is None:
        return "bubblewrap is not installed (apt-get install bubblewrap, dnf install bubblewrap)"
    if not sys.executable:
        return "this Python does not know where its interpreter is (sys.executable is empty)"
    if importlib.util.find_spec("_ctypes") is None:
        return "this Python was built without ctypes (libffi), which the sandbox needs"
    return ""


async def _why_it_fails(*options: str) -> str | None:
    """Build a sandbox; the error message if that fails. Leaves nothing running, even when cancelled."""
    with tempfile.TemporaryFile() as errors:
        process = _start(errors, *options)
        ended = asyncio.Event()
        when_ended(process, lambda _status, _maxrss: ended.set())
        try:
            await ended.wait()
        finally:
            if not ended.is_set():
                kill_group(process.pid)
                await ended.wait()
        errors.seek(0)
        message = errors.read(MESSAGE_BYTES).decode(errors="replace").strip()
        return None if process.returncode == 0 else message or f"it ended with {process.returncode}"


def _start(errors: IO[bytes], *options: str) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(
        probe_command(*options), stdin=nothing, stdout=nothing, stderr=errors, start_new_session=True
    )
