"""Chooses the sandbox for this machine, and says what is not isolated without bubblewrap."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["NOT_ISOLATED", "Kind", "SandboxUnavailableError", "choose"]

NOT_ISOLATED = (
    "functions run as plain processes (they see this machine's files, users and processes; /var/task and /opt do not "
    "exist; limits on memory, /tmp and the number of processes are not enforced; idle functions keep running)"
)


class Kind(StrEnum):
    """The sandboxes to choose from."""

    AUTO = "auto"
    BUBBLEWRAP = "bubblewrap"
    PROCESS = "process"


class SandboxUnavailableError(Exception):
    """The sandbox that was asked for does not work here; the text says why and what to do."""


async def choose(wanted: Kind) -> tuple[Kind, str]:
    """Choose BUBBLEWRAP or PROCESS; with the reason if AUTO had to become PROCESS."""
    if wanted is Kind.PROCESS:
        return wanted, ""
    from .probing import why_not  # plain processes start faster without it

    reason = await why_not()
    if not reason:
        return Kind.BUBBLEWRAP, ""
    if wanted is Kind.BUBBLEWRAP:
        raise SandboxUnavailableError(reason)
    return Kind.PROCESS, reason
