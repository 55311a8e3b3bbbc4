"""Makes the sandbox of each execution environment: bubblewrap or plain processes, as decided once at the start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runtime_api.protocol.limits import CURRENT
from runtime_api.sandbox.choice import NOT_ISOLATED, Kind, choose
from runtime_api.sandbox.external_runtime import ExternalRuntime
from runtime_api.sandbox.network import Network, forwarded_ports
from runtime_api.sandbox.plain.guardian import Guardian
from runtime_api.sandbox.plain.own_tmp import OwnTmp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime_api.sandbox import Sandbox
    from runtime_api.sandbox.bubblewrap.cgroup import Hierarchy
    from runtime_api.sandbox.network.outside import Outside
    from runtime_api.service.records import FunctionSpec
    from runtime_api.service.seams.catalog import ResolvedVersion
    from runtime_api.store.trees import Trees

    from .installations import Installation

__all__ = ["Sandboxes"]

FREEZE_AFTER_S = 0.1
NO_CPU_SHARE = "no control groups of the processors may be made here, so functions share them as they like"
NO_SECCOMP = "functions may make every system call (--no-seccomp): debuggers work, and more of the kernel is exposed"
NO_FILTER = f"functions may make every system call: bootjack has no filter for {os.uname().machine}"


class Sandboxes:
    """Makes sandboxes of one kind. In bubblewrap several layers are merged in `trees`."""

    def __init__(self, kind: Kind, trees: Trees, *, freeze: bool, cpu_share: bool, seccomp: bool = True) -> None:
        self._kind = kind
        self._trees = trees
        self._freeze = freeze
        self._cpu_share = cpu_share
        self._seccomp = seccomp
        self._no_user_namespaces = False
        self._hierarchies: Sequence[Hierarchy] = ()
        self._outside: Outside | None = None
        self._guardian = Guardian()  # of plain processes

    async def prepare(self) -> list[str]:
        """Find out what this machine offers; returns what users must know about it.

        SandboxUnavailableError where bubblewrap is demanded and does not work.
        """
        self._kind, reason, self._no_user_namespaces = await choose(self._kind)
        notes = [f"{NOT_ISOLATED}, since {reason}"] if reason else []
        if self._kind is Kind.BUBBLEWRAP:
            from runtime_api.sandbox.bubblewrap.cgroup import find_hierarchies
            from runtime_api.sandbox.network.outside import Outside
            from runtime_api.sandbox.seccomp import system_call_filter

            self._outside = Outside()
            self._hierarchies = find_hierarchies()
            notes += [note] if (note := self._unbounded()) else []
            if self._cpu_share and not any("cpu" in found.controllers for found in self._hierarchies):
                notes.append(NO_CPU_SHARE)
            if not self._seccomp:
                notes.append(NO_SECCOMP)
            elif system_call_filter() is None:
                notes.append(NO_FILTER)
        return notes

    def _unbounded(self) -> str:
        from runtime_api.sandbox.bubblewrap.confinement import unbounded

        controllers = frozenset().union(*(found.controllers for found in self._hierarchies))
        return unbounded(controllers, CURRENT.processes)  # which every profile shares

    async def close(self) -> None:
        """End what was started for all sandboxes, once these are closed."""
        await self._guardian.close()

    @property
    def freeze_after_s(self) -> float | None:
        """How long an environment may be idle before it is frozen; None: plain processes are never frozen."""
        return FREEZE_AFTER_S if self._freeze and self._kind is Kind.BUBBLEWRAP else None

    def check(self, spec: FunctionSpec, installation: Installation) -> str:
        """Check a function before it is added; returns what its user must know about its network, once.

        ValueError, with what to do, if it cannot have the network that it asks for.
        """
        asked = installation.network
        if self._outside is None:
            if asked not in (None, Network.HOST):
                raise ValueError(
                    f"network {asked}: a plain process shares the host's; use bubblewrap, or network host"
                )
            return ""
        network = asked or Network.OWN
        forwarded_ports(network, spec.variables, installation.loopback_ports)
        return self._outside.missing() if network is Network.OWN else ""

    def make(self, version: ResolvedVersion, installation: Installation) -> Sandbox:
        """Return a sandbox for one execution environment that is not open yet."""
        settings = version.settings
        if settings.external_runtime:
            return ExternalRuntime()
        if self._kind is Kind.PROCESS:
            from runtime_api.sandbox.plain.process import PlainSandbox

            alone = installation.runtime_api[1] != 0  # one environment, which shares the host's /tmp with no other
            tmp = None if alone else OwnTmp(self._guardian.tmp_prefix)
            return PlainSandbox(settings.limits, self._guardian, tmp)
        from runtime_api.sandbox.bubblewrap.sandbox import BubblewrapSandbox, Confinement

        spec, limits = version.spec, settings.limits
        cpus = spec.memory_mb / limits.memory_mb_per_cpu if self._cpu_share else None
        network = installation.network or Network.OWN
        confinement = Confinement(
            spec.memory_mb,
            spec.ephemeral_mb,
            network,
            cpus,
            forwarded_ports(network, spec.variables, installation.loopback_ports),
            seccomp=self._seccomp,
            no_user_namespaces=self._no_user_namespaces,
        )
        return BubblewrapSandbox(
            installation.program, confinement, self._trees, limits, self._hierarchies, self._outside
        )
