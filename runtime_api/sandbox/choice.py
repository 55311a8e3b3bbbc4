"""Chooses the sandbox for this machine, and says what is not isolated without bubblewrap."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

__all__ = ["NOT_ISOLATED", "Choice", "Kind", "SandboxUnavailableError", "choose"]

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


class Choice(NamedTuple):
    """BUBBLEWRAP or PROCESS, and what is to be known about it."""

    kind: Kind
    reason: str = ""  # why AUTO had to become PROCESS
    no_user_namespaces: bool = False  # this bubblewrap can forbid to make them inside


async def choose(wanted: Kind) -> Choice:
    """Choose the sandbox for this machine."""
    if wanted is Kind.PROCESS:
        return Choice(wanted)
    from .bubblewrap.probing import probe  # plain processes start faster without it

    found = await probe()
    if not found.why_not:
        return Choice(Kind.BUBBLEWRAP, no_user_namespaces=found.no_user_namespaces)
    if wanted is Kind.BUBBLEWRAP:
        raise SandboxUnavailableError(found.why_not)
    return Choice(Kind.PROCESS, found.why_not)
