"""Which sandbox there can be on this machine, and what is missing without it."""

from __future__ import annotations

import subprocess
import sys
from enum import StrEnum

from .enclosure import find_bwrap, probe_command

__all__ = ["NOT_ISOLATED", "Kind", "SandboxUnavailableError", "choose"]

PROBE_S = 10.0
NOT_ISOLATED = (
    "functions run as plain processes: they see this machine's files, users and processes, /var/task and /opt are "
    "not there, limits of memory, /tmp and processes are not enforced, and they go on while they have nothing to do"
)


class Kind(StrEnum):
    """What may be asked for."""

    AUTO = "auto"
    BUBBLEWRAP = "bubblewrap"
    PROCESS = "process"


class SandboxUnavailableError(Exception):
    """What was asked for cannot be had: why, and what to do."""


def choose(wanted: Kind) -> tuple[Kind, str]:
    """BUBBLEWRAP or PROCESS, and when the choice was ours and it is the latter, why."""
    if wanted is Kind.PROCESS:
        return wanted, ""
    reason = _why_not()
    if not reason:
        return Kind.BUBBLEWRAP, ""
    if wanted is Kind.BUBBLEWRAP:
        raise SandboxUnavailableError(reason)
    return Kind.PROCESS, reason


def _why_not() -> str:
    """Why bubblewrap does not work here; empty when it does, which is tried."""
    if not sys.platform.startswith("linux"):
        return "bubblewrap needs Linux"
    if find_bwrap() is None:
        return "bubblewrap is not installed (apt-get install bubblewrap, dnf install bubblewrap)"
    if not sys.executable:
        return "this Python does not know where its interpreter is"
    try:
        tried = subprocess.run(probe_command(), capture_output=True, timeout=PROBE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not work here: {error}"
    if tried.returncode == 0:
        return ""
    said = tried.stderr.decode(errors="replace").strip() or f"it ended with {tried.returncode}"
    return f"bubblewrap does not work here ({said}): it needs user namespaces, which this system or container forbids"
