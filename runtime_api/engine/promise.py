"""The result of an invocation, from the environment that has it to the caller who waits for it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["Promise"]

T = TypeVar("T")
_HAS_RESULT = "The invocation has a result already"


class Promise(Struct, Generic[T], eq=False):
    """Implements `Pending` for a result that is always a value.

    Unlike a Future it may tell its callbacks at once: a turn of the event loop costs as much as the state machine of
    an invocation. Cancelling who awaits it leaves it as it is.
    """

    _is_done: bool = False
    _result: Any = None
    _callbacks: tuple[Callable[[Promise[T]], object], ...] = ()

    def done(self) -> bool:
        """Whether there is a result."""
        return self._is_done

    def result(self) -> T:
        """Return the result; InvalidStateError before there is one."""
        if not self._is_done:
            raise asyncio.InvalidStateError("The invocation has no result yet")
        result: T = self._result
        return result

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        """Call this once there is a result; in the loop's next turn, if there is one already."""
        if self._is_done:
            asyncio.get_running_loop().call_soon(callback, self)
        else:
            self._callbacks = (*self._callbacks, callback)

    def set_result(self, result: T) -> None:
        """Set the result; callbacks are called in the loop's next turn, so they may do what the caller is doing."""
        if self._is_done:
            raise asyncio.InvalidStateError(_HAS_RESULT)
        callbacks, self._result, self._is_done, self._callbacks = self._callbacks, result, True, ()
        for callback in callbacks:
            asyncio.get_running_loop().call_soon(callback, self)

    def tell(self, result: T) -> None:
        """Set the result and call the callbacks before this returns; what they raise goes to the event loop."""
        if self._is_done:
            raise asyncio.InvalidStateError(_HAS_RESULT)
        callbacks, self._result, self._is_done, self._callbacks = self._callbacks, result, True, ()
        for callback in callbacks:
            try:
                callback(self)
            except Exception as error:
                context = {"message": "A caller could not be answered", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)

    def __await__(self) -> Generator[Any, None, T]:
        if not self._is_done:
            woken = asyncio.get_running_loop().create_future()
            self.add_done_callback(partial(_wake, woken))
            yield from woken
        return self.result()


def _wake(sleeper: asyncio.Future[None], _told: object) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
