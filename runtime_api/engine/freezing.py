"""An idle environment stands still, as on Lambda, and goes on with its next invocation (guide 4446-4460)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Freezer"]


class Freezer:
    """Stops what has been idle for a while: between once and twice `after_s`, or never when that is None.

    It looks from time to time instead of setting a timer at each invocation's end, so back-to-back invocations pay
    for a look now and then.
    """

    def __init__(self, after_s: float | None, freeze: Callable[[bool], None], idle: Callable[[], bool]) -> None:
        self._after_s = after_s
        self._freeze = freeze
        self._idle = idle
        self._used = False
        self._timer: asyncio.TimerHandle | None = None
        self.still = False

    def start(self) -> None:
        """Look from now on."""
        if self._after_s is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._after_s, self._look)

    def use(self) -> None:
        """Something is about to be done."""
        self._used = True
        if self.still:
            self.still = False
            self._freeze(False)
            self.start()

    def stop(self) -> None:
        """Look no more, and let go on what stands still."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._after_s = None
        self.use()

    def _look(self) -> None:
        self._timer = None
        used, self._used = self._used, False
        if used or not self._idle():
            self.start()
        else:
            self.still = True
            self._freeze(True)
