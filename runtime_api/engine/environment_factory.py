"""Makes the execution environments of this machine, from a version's snapshot and its installation."""

from __future__ import annotations

import asyncio
import secrets
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from runtime_api.protocol.json_log import JsonLog
from runtime_api.service.access import Access, credentials_of
from runtime_api.service.logs.chunks import StreamKey

from .ids import log_stream_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.service.records import Logging
    from runtime_api.service.seams.catalog import ResolvedVersion
    from runtime_api.sinks.kept_logs import KeptLogs

    from .admission import Admission
    from .edges import CallResponder, Log, RuntimeApiListener
    from .environment import ExecutionEnvironment
    from .installations import Installation, Installations
    from .sandboxes import Sandboxes

    Keep = Callable[[float, bytes], None]  # takes the time of an entry, and its text

__all__ = ["LocalEnvironmentFactory", "RuntimeEdge"]


class RuntimeEdge(Protocol):
    """Makes the edge of an environment's Runtime API: who answers the runtime's calls, and where they arrive."""

    def __call__(
        self,
        environment: ExecutionEnvironment,
        version: ResolvedVersion,
        host: str,
        admission: Admission,
        access: Access,
    ) -> tuple[CallResponder, RuntimeApiListener]:
        """Calls go to `environment`, `host` is what it listens on, `admission` decides who may connect."""


class _Built(NamedTuple):
    """What an environment was built from, and the name of its log stream."""

    installation: Installation
    stream: str


class LocalEnvironmentFactory:
    """Implements `EnvironmentFactory`; `kept` keeps all logs.

    `log_of` gives the log of a function by its name, of which somebody may keep the times and texts.
    """

    def __init__(
        self,
        installations: Installations,
        sandboxes: Sandboxes,
        edge: RuntimeEdge,
        log_of: Callable[[str, Keep | None], Log],
        kept: KeptLogs | None = None,
        stream_rate: float | None = None,
    ) -> None:
        self._stream_rate = stream_rate
        self._kept = kept
        self._installations = installations
        self._sandboxes = sandboxes
        self._edge = edge
        self._log_of = log_of
        self._noted: set[str] = set()  # what was noted, with the ARN of its version
        # Environments are opened one after the other, so that between two starts the warm ones get their turn.
        self._one_start = asyncio.Lock()
        # What an environment was built from: by the time it is opened, its version may have been replaced.
        self._built: WeakKeyDictionary[ExecutionEnvironment, _Built] = WeakKeyDictionary()

    def build(
        self, version: ResolvedVersion, available: Callable[[ExecutionEnvironment], None]
    ) -> ExecutionEnvironment:
        from .environment import ExecutionEnvironment  # a server starts sooner without this, as without the others

        spec, installation, keep = version.spec, self._installations[version.code], None
        stream = log_stream_name(spec.version, spec.name if spec.logging.group else "")
        if self._kept is not None:
            keep = self._kept.stream(StreamKey(spec.account, spec.region, spec.log_group, stream)).keep
        environment = ExecutionEnvironment(
            version.settings,
            self._sandboxes.make(version, installation),
            self._log_of(spec.name, keep),
            available,
            self._sandboxes.freeze_after_s,
            [lease.share() for lease in installation.leases],
            _json_log(spec.logging),
            self._stream_rate,
        )
        self._built[environment] = _Built(installation, stream)
        return environment

    async def open(self, version: ResolvedVersion, environment: ExecutionEnvironment) -> None:
        from .admission import Admission
        from .launching import extension_names, plan_launch

        installation, stream = self._built.pop(environment)
        admission = Admission(environment.sandbox, partial(self._note, version), self._noted)
        access = self._access(version)
        responder, listener = self._edge(environment, version, installation.runtime_api[0], admission, access)
        self._note_once(version, installation.note)
        launch = partial(plan_launch, version, installation.program, stream, access, environment.sandbox)
        extensions: Callable[[], tuple[str, ...] | None] = partial(
            extension_names, installation.program, environment.sandbox
        )
        if version.settings.external_runtime:
            extensions = tuple  # there is no sandbox to start them in
        async with self._one_start:
            await environment.open(responder, listener, installation.runtime_api, launch, extensions)

    def _access(self, version: ResolvedVersion) -> Access:
        """New tokens, which no other environment has."""
        credentials_token = secrets.token_urlsafe() if version.settings.snap_start else ""
        credentials = credentials_of(version.spec.variables)
        return Access(version.spec.region, secrets.token_urlsafe(), credentials_token, credentials)

    def _note_once(self, version: ResolvedVersion, note: str) -> None:
        key = f"{version.arn} {note}"
        if note and key not in self._noted:
            self._noted.add(key)
            self._note(version, note)

    def _note(self, version: ResolvedVersion, note: str) -> None:
        self.write(version, f"bootjack: {note}\n".encode())

    def write(self, version: ResolvedVersion, lines: bytes) -> None:
        self._log_of(version.spec.name, None).write(lines)


def _json_log(logging: Logging) -> JsonLog | None:
    """Return how a log in JSON is written; None for a log that is text."""
    return JsonLog(logging.application_level, logging.system_level) if logging.is_json else None
