"""Which sandbox there can be on this machine, and what is missing without it."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["NOT_ISOLATED", "Kind", "SandboxUnavailableError", "choose"]

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


async def choose(wanted: Kind) -> tuple[Kind, str]:
    """BUBBLEWRAP or PROCESS, and when the choice was ours and it is the latter, why."""
    if wanted is Kind.PROCESS:
        return wanted, ""
    from .probing import why_not  # plain processes start sooner without it

    reason = await why_not()
    if not reason:
        return Kind.BUBBLEWRAP, ""
    if wanted is Kind.BUBBLEWRAP:
        raise SandboxUnavailableError(reason)
    return Kind.PROCESS, reason
