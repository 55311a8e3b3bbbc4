"""An init, in the init phase or inside an invocation: extensions first, then the runtime, then all of them are ready.

The order stands in the table `INIT`. `Starting` gives the effects of each step; `EnvironmentMachine` decides what
follows when an init is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import effects as fx
from . import platform_events as log
from .attempts import InitAttempt
from .errors import MisuseError
from .extension_states import InitStage, InitStep
from .states import Move

if TYPE_CHECKING:
    from . import events as ev
    from .extensions import Extensions
    from .runtime import RuntimeMachine
    from .settings import FunctionSettings
    from .states import Tables

__all__ = ["RUNTIME", "Starting"]

RUNTIME = "runtime"  # the name of its process


class Starting:
    """The one init that may be under way, and how far it has come."""

    def __init__(
        self, settings: FunctionSettings, tables: Tables, runtime: RuntimeMachine, extensions: Extensions
    ) -> None:
        self.stage = InitStage.NONE
        self.init: InitAttempt | None = None  # the one under way
        self.took_ms = 0.0  # the last one that was done
        self.external: tuple[str, ...] = ()  # names of the external extensions
        self._settings = settings
        self._rows = tables.init
        self._runtime = runtime
        self._extensions = extensions

    def begin(self, now: float, phase: str) -> list[fx.Effect]:
        """Start the extensions, or else the runtime."""
        self._step(InitStep.BEGIN)
        settings = self._settings
        kind = settings.initialization_type
        self.init = InitAttempt(now, phase, kind)
        started = log.InitStart(
            phase,
            settings.function_name,
            settings.function_version,
            settings.memory_mb,
            kind,
            settings.runtime_version,
            settings.runtime_version_arn,
        )
        return [
            fx.Emit((started,)),
            *self._extensions.launch(self.external[: settings.limits.extensions]),
            *self._launched(),
        ]

    def _launched(self) -> list[fx.Effect]:
        """Start the runtime when every external extension has registered."""
        if self.stage is not InitStage.EXTENSIONS or not self._extensions.all_registered:
            return []
        self._step(InitStep.LAUNCHED)
        self._runtime.move(Move.START)
        return [] if self._settings.external_runtime else [fx.Start(RUNTIME)]

    def register(self, event: ev.RegisterCalled) -> list[fx.Effect]:
        """Register an extension; the last one that was waited for lets the runtime start."""
        after = self._rows[self.stage].get(InitStep.REGISTER)
        effects = self._extensions.register(event, is_open=after is not None)
        if after is not None:
            self.stage = after
        return [*effects, *self._launched()]

    def runtime_ready(self, now: float) -> list[fx.Effect]:
        """The runtime waits in /next or /restore/next for the first time: registration is closed."""
        self._step(InitStep.RUNTIME_READY)
        return self.settle(now)

    def settle(self, now: float) -> list[fx.Effect]:
        """End the init when all extensions wait as well."""
        if self.stage is not InitStage.SETTLING or not self._extensions.all_back:
            return []
        self._step(InitStep.DONE)
        assert self.init is not None
        self.took_ms = now - self.init.began
        return self._closed("success", None, now)

    def abandon(self, status: fx.Status, error_type: str, now: float) -> tuple[InitAttempt | None, list[fx.Effect]]:
        """Give up the init that is under way, if there is one."""
        attempt = self.init
        if attempt is None:
            return None, []
        self._step(InitStep.ABANDON)
        return attempt, self._closed(status, error_type, now)

    def _closed(self, status: str, error_type: str | None, now: float) -> list[fx.Effect]:
        assert self.init is not None
        records = (
            *self.init.closing_records(status, error_type, now),
            *(extension.record() for extension in self._extensions.by_name.values()),
        )
        self.init = None
        return [fx.Emit(records)]

    def _step(self, step: InitStep) -> None:
        after = self._rows[self.stage].get(step)
        if after is None:
            raise MisuseError(f"{step!r} does not follow in the init stage {self.stage}")
        self.stage = after
