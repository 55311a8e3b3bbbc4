"""A restore (SnapStart): from the answer to /restore/next, for the first invocation, until the runtime is in /next.

`Lifecycle` decides when it begins; what it takes, what the log says of it, and what its failure means for those who
wait for it is decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import effects as fx
from . import platform_events as log
from .errors import error_category
from .faults import RESTORE_TIMEOUT, restore_fault
from .starting import RUNTIME
from .states import Move
from .timers import Timer

if TYPE_CHECKING:
    from . import events as ev
    from .errors import Fault
    from .invocations import Invocations
    from .runtime import RuntimeMachine
    from .settings import FunctionSettings

__all__ = ["Restoring"]


class Restoring:
    """The one restore that may be under way."""

    def __init__(self, settings: FunctionSettings, runtime: RuntimeMachine, invocations: Invocations) -> None:
        self._began: float | None = None  # None: none is under way
        self._error: ev.RestoreErrorPosted | ev.InitErrorPosted | None = None  # what the runtime posted of its hooks
        self._settings = settings
        self._runtime = runtime
        self._invocations = invocations

    def begin(self, now: float) -> list[fx.Effect]:
        """Let the runtime go on behind /restore/next, for a limited time."""
        settings = self._settings
        self._runtime.move(Move.RESTORE)
        self._began = now
        started = log.RestoreStart(
            settings.function_name,
            settings.function_version,
            settings.memory_mb,
            settings.runtime_version,
            settings.runtime_version_arn,
        )
        effects: list[fx.Effect] = [fx.Emit((started,)), *(fx.Restore(call) for call in self._runtime.unpark())]
        if not settings.external_runtime:
            effects.append(fx.SetTimer(Timer.RESTORE, RUNTIME, now + settings.limits.restore_ms))
        return effects

    def blame(self, posted: ev.RestoreErrorPosted | ev.InitErrorPosted) -> None:
        """Keep what the runtime has posted of its hooks."""
        self._error = posted

    def done(self, now: float) -> list[fx.Effect]:
        """The hooks have run, and the runtime is in /next."""
        took_ms, records = self._close("success", None, now)
        self._invocations.restore_ms = took_ms
        return [records]

    def fail(self, fault: Fault, status: fx.Status, now: float) -> list[fx.Effect]:
        """Give up the restore that is under way, if there is one; the invocation that waits for it is refused."""
        if self._began is None:
            return []
        # The first fatal error wins: what the runtime said of its hooks, or how it ended.
        error_type = fault.error_type if self._error is None else error_category(self._error.error_type)
        _, records = self._close(status, error_type, now)
        why = RESTORE_TIMEOUT if error_type == RESTORE_TIMEOUT.error_type else restore_fault(error_type)
        return [records, *self._invocations.refuse_waiting(why, status)]

    def _close(self, status: str, error_type: str | None, now: float) -> tuple[float, fx.Effect]:
        assert self._began is not None
        took_ms = now - self._began
        self._began = self._error = None
        records = (log.RestoreRuntimeDone(status, error_type), log.RestoreReport(status, error_type, took_ms))
        return took_ms, fx.Emit(records)
