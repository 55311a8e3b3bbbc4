"""How an environment comes to take invocations: its init, and with SnapStart the restore behind it.

`EnvironmentMachine` decides when each of them begins; what it takes, what the log says of it, and what its failure
means for those who wait for it is decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import effects as fx
from . import platform_events as log
from .attempts import InitAttempt, RestoreAttempt, StartUp
from .faults import RESTORE_TIMEOUT, restore_fault
from .states import Move
from .timers import Timer

if TYPE_CHECKING:
    from . import events as ev
    from .errors import Fault
    from .invocations import Invocations
    from .runtime import RuntimeMachine
    from .settings import FunctionSettings

__all__ = ["RUNTIME", "Starting"]

RUNTIME = "runtime"  # the name of its process


class Starting:
    """The init or the restore under way, if there is one."""

    def __init__(self, settings: FunctionSettings, runtime: RuntimeMachine, invocations: Invocations) -> None:
        self.init: InitAttempt | None = None
        self._restore: RestoreAttempt | None = None
        self._settings = settings
        self._runtime = runtime
        self._invocations = invocations

    # -- init

    def limit_init(self, now: float) -> list[fx.Effect]:
        """The limit of an init phase; an init inside an invocation has that of the invocation."""
        limit = self._settings.init_limit_ms
        if limit is None or self._settings.external_runtime:
            return []
        return [fx.SetTimer(Timer.INIT, RUNTIME, now + limit)]

    def begin_init(self, now: float, phase: str) -> list[fx.Effect]:
        """Start the runtime; in the init phase, or inside an invocation."""
        settings = self._settings
        kind = settings.initialization_type
        self.init = InitAttempt(now, phase, kind)
        self._runtime.move(Move.START)
        started = log.InitStart(phase, settings.function_name, settings.function_version, settings.memory_mb, kind)
        return [fx.Emit((started,)), *([] if settings.external_runtime else [fx.Start(RUNTIME)])]

    def initialised(self, now: float) -> list[fx.Effect]:
        """The runtime is in /next or /restore/next for the first time."""
        init, self.init = self.init, None
        assert init is not None
        if not self._settings.init_apart:  # there it is no part of what an invocation takes
            self._invocations.start_up = StartUp(init_ms=now - init.began)
        return [fx.Emit(init.closing_records("success", None, now))]

    # -- restore

    def begin_restore(self, now: float) -> list[fx.Effect]:
        """Let the runtime go on behind /restore/next."""
        settings = self._settings
        self._runtime.move(Move.RESTORE)
        self._restore = RestoreAttempt(now)
        started = log.RestoreStart(settings.function_name, settings.function_version, settings.memory_mb)
        effects: list[fx.Effect] = [fx.Emit((started,)), *(fx.Restore(call) for call in self._runtime.unpark())]
        if not settings.external_runtime:
            effects.append(fx.SetTimer(Timer.RESTORE, RUNTIME, now + settings.limits.restore_ms))
        return effects

    def restored(self, now: float) -> list[fx.Effect]:
        """The hooks have run, and the runtime is in /next."""
        restore, self._restore = self._restore, None
        assert restore is not None
        self._invocations.start_up = StartUp(restore_ms=now - restore.began)
        return [fx.Emit(restore.closing_records("success", None, now))]

    # -- either fails

    def blame(self, posted: ev.InitErrorPosted | ev.RestoreErrorPosted) -> None:
        """Keep what the runtime has posted of the one that is under way."""
        attempt = self.init or self._restore
        assert attempt is not None
        attempt.error = posted

    def fail(self, fault: Fault, status: fx.Status, now: float) -> list[fx.Effect]:
        """Close what is under way, and end the invocations that wait for it and have not begun."""
        init, self.init = self.init, None
        restore, self._restore = self._restore, None
        if init is not None:
            records: fx.Effect = fx.Emit(init.closing_records(status, fault.error_type, now))
            return [
                records,
                *(self._invocations.fail_waiting(fault, status, init) if self._settings.init_apart else []),
            ]
        if restore is not None:
            error_type = restore.error_type(fault.error_type)
            records = fx.Emit(restore.closing_records(status, error_type, now))
            why = RESTORE_TIMEOUT if error_type == RESTORE_TIMEOUT.error_type else restore_fault(error_type)
            return [records, *self._invocations.refuse_waiting(why, status)]
        return []
