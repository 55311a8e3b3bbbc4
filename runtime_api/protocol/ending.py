"""How all processes of an environment end, for a reset and for good: the runtime first, then the extensions.

The order stands in the table `ENDING`, the times in `limits.py` (spec 6.4):

    no extensions           SIGKILL to the runtime at once
    internal ones only      SIGTERM to the runtime, SIGKILL after 500 ms
    external ones           SIGTERM to the runtime, SIGKILL after its share of 300 ms; when it has ended, SHUTDOWN to
                            the extensions that have subscribed to it, and SIGKILL to the others; SIGKILL to all that
                            is left 2 s after the begin
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from . import effects as fx
from .errors import MisuseError
from .extension_states import EndingStage, EndingStep
from .starting import RUNTIME
from .timers import Timer

if TYPE_CHECKING:
    from .extensions import Extensions
    from .settings import FunctionSettings
    from .states import Tables

__all__ = ["Ending"]

EXTENSIONS = "extensions"  # the key of the timer that ends all of them; no process has this name


class Ending:
    """The one end of all processes that may be under way, and how far it has come."""

    def __init__(self, settings: FunctionSettings, tables: Tables, extensions: Extensions) -> None:
        self.stage = EndingStage.NONE
        self._limits = settings.limits
        self._rows = tables.ending
        self._extensions = extensions
        self._reason = fx.ShutdownReason.SPINDOWN
        self._deadline = 0.0
        self._share_ends = 0.0  # the runtime's share of the time

    def begin(self, reason: fx.ShutdownReason, now: float) -> None:
        """Begin with the runtime, which may have ended already."""
        self._step(EndingStep.BEGIN)
        self._reason = reason
        self._share_ends = inf
        self._deadline = now + self._limits.shutdown_ms

    def stop_runtime(self, now: float) -> list[fx.Effect]:
        """End the runtime's process; it gets time for that where there are extensions."""
        if not self._extensions:
            return [fx.Stop(RUNTIME)]
        limits = self._limits
        share = limits.shutdown_internal_ms if self._extensions.all_internal else limits.shutdown_runtime_ms
        self._share_ends = now + share
        return [fx.Terminate(RUNTIME), fx.SetTimer(Timer.RUNTIME_SHARE, RUNTIME, self._share_ends)]

    def runtime_gone(self) -> list[fx.Effect]:
        """Go on with the extensions."""
        self._step(EndingStep.RUNTIME_GONE)
        if not self._extensions.external:
            return []
        alarm = fx.SetTimer(Timer.SHUTDOWN, EXTENSIONS, self._deadline)
        return [alarm, *self._extensions.shut_down(self._reason, self._deadline)]

    def time_is_up(self, timer: Timer, now: float) -> list[fx.Effect]:
        """Kill what should have ended by now. A timer of an earlier end may ring too soon, and changes nothing."""
        if timer is Timer.RUNTIME_SHARE:
            is_late = self.stage is EndingStage.RUNTIME and now >= self._share_ends
            return [fx.Stop(RUNTIME)] if is_late else []
        return self._extensions.kill() if self.stage is EndingStage.EXTENSIONS and now >= self._deadline else []

    def finish(self) -> list[fx.Effect] | None:
        """End it and forget the extensions if nothing runs any more; None while something does."""
        if self.stage is not EndingStage.EXTENSIONS or self._extensions.external:
            return None
        self._step(EndingStep.ALL_GONE)
        return self._extensions.forget()

    def _step(self, step: EndingStep) -> None:
        after = self._rows[self.stage].get(step)
        if after is None:
            raise MisuseError(f"{step!r} does not follow in the stage {self.stage} of an end")
        self.stage = after
