"""What a function may take of the machine, and the kernel's limits that follow from it."""

from __future__ import annotations

import os
import re
import resource
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.sandbox.network import Network

from .cgroup import Bounds

if TYPE_CHECKING:
    from collections.abc import Collection

    from runtime_api.protocol.limits import Limits

__all__ = ["SUPERVISOR_BYTES", "Confinement", "group_bounds", "resource_limits", "unbounded"]

SUPERVISOR_BYTES = 16 << 20  # more than the supervisor takes


class Confinement(NamedTuple):
    """What one function may take."""

    memory_mb: int
    tmp_mb: int
    network: Network = Network.HOST
    cpus: float | None = None  # processors' time, where there are control groups; None: all of them
    loopback_ports: tuple[int, ...] = ()  # of this machine, reached at the same ports in a network of its own
    seccomp: bool = True  # the kernel refuses the system calls of `seccomp/rules.py`
    no_user_namespaces: bool = False  # bwrap forbids to make any, where it can


def group_bounds(confinement: Confinement, limits: Limits) -> Bounds:
    """The bounds of a control group: a backstop, since the kernel counts /tmp and its own buffers as memory, too."""
    memory = (confinement.memory_mb + confinement.tmp_mb << 20) + SUPERVISOR_BYTES
    return Bounds(memory, limits.processes + 1, confinement.cpus)


def resource_limits(limits: Limits) -> list[tuple[int, int]]:
    """The limits of every process: descriptors, no core dumps, and processes where each sandbox has its own count."""
    own = [(resource.RLIMIT_NOFILE, limits.open_files), (resource.RLIMIT_CORE, 0)]
    if os.geteuid() == 0 or _counts_processes_apart():
        own.append((resource.RLIMIT_NPROC, limits.processes))
    hard = {kind: resource.getrlimit(kind)[1] for kind, _ in own}
    return [(kind, most if hard[kind] == resource.RLIM_INFINITY else min(most, hard[kind])) for kind, most in own]


def unbounded(controllers: Collection[str], processes: int) -> str:
    """What nothing bounds if control groups have only these controllers, in one sentence; empty if everything is."""
    missing = []
    if "memory" not in controllers:
        missing.append("memory that a function takes in less than 20 ms, or in buffers of the kernel")
    if "pids" not in controllers and (os.geteuid() == 0 or not _counts_processes_apart()):
        whose = "of functions whose code only root may read" if os.geteuid() == 0 else "of functions"
        missing.append(f"for a moment the processes {whose} (with more than {processes} they are killed)")
    if missing and "cpu" not in controllers:
        missing.append("processor time, except that functions give way to other programs")
    return f"no control groups may be made here, which leaves unbounded: {'; '.join(missing)}" if missing else ""


@cache
def _counts_processes_apart() -> bool:
    """Whether a user's processes are counted for each user namespace: since Linux 5.14."""
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return found is not None and (int(found[1]), int(found[2])) >= (5, 14)
