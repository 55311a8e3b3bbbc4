"""Freezes an idle environment, as Lambda does, until its next invocation (guide 4446-4460)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Freezer"]

QUIET_S = 2.0  # what Lambda waits, too, for the answers of telemetry's subscribers (AWS, Telemetry API)
QUIET_LOOKS = 100


class Freezer:
    """Freezes what has been idle for between once and twice `after_s`; never if that is None.

    It looks from time to time instead of setting a timer at the end of each invocation, so that back-to-back
    invocations pay for a look only now and then.
    """

    def __init__(
        self,
        after_s: float | None,
        freeze: Callable[[], None],
        thaw: Callable[[], None],
        idle: Callable[[], bool],
        quiet: Callable[[], bool] = lambda: True,
    ) -> None:
        """`quiet`: whether nothing that its processes were sent waits for their answer; that is given `QUIET_S`."""
        self._after_s = after_s
        self._freeze = freeze
        self._thaw = thaw
        self._idle = idle
        self._quiet = quiet
        self._used = False
        self._timer: asyncio.TimerHandle | None = None
        self.frozen = False

    def start(self) -> None:
        """Look from now on."""
        if self._after_s is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._after_s, self._look)

    def use(self) -> None:
        """Note that it is about to be used, and thaw it if it is frozen."""
        self._used = True
        if self.frozen:
            self.frozen = False
            self._thaw()
            self.start()

    def stop(self) -> None:
        """Stop looking, and thaw what is frozen."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._after_s = None
        self.use()

    def _look(self) -> None:
        self._timer = None
        used, self._used = self._used, False
        if used:
            self.start()
        else:
            self._settle(QUIET_LOOKS)

    def _settle(self, looks: int) -> None:
        """Freeze what is idle and quiet, or idle for long enough."""
        self._timer = None
        if self._used or not self._idle():
            self.start()
        elif looks and not self._quiet():
            self._timer = asyncio.get_running_loop().call_later(QUIET_S / QUIET_LOOKS, self._settle, looks - 1)
        else:
            self.frozen = True
            self._freeze()
