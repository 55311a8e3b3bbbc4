"""What a conversation with the Runtime API asks of its driver.

A conversation is a generator: it yields a step, and the driver sends the step's result back in. Conversations decide
what to send, when to reconnect and what an answer means; they touch no socket, clock or event loop, so tests play the
driver. There are two drivers: `blocking` and `event_loop`.

    step                result
    RESOLVE             the addresses of the Runtime API as `getaddrinfo` lists them, or the OSError
    Connect(address)    None, or the OSError
    Send(data)          True, or False if the connection is broken
    RECEIVE             the bytes that have arrived; b"" if the connection has ended, in order or by a reset
    ReceiveInto(view)   how many bytes were written to the view; 0 if the connection has ended
    IS_STALE            whether the server has closed the connection while it was idle
    CLOSE               None
    Sleep(seconds)      None
    Await(awaitable)    its result, or Raised

Network errors are results, since a conversation decides about each of them. Any other exception in a driver (SIGTERM
raises one anywhere) is thrown into the conversation, which cleans up and lets it pass.
"""

from __future__ import annotations

from .ends import Ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from typing import Any, TypeVar

    T = TypeVar("T")
    Conversation = Generator["Step", Any, T]
    Address = tuple[int, int, int, str, Any]  # family, kind, protocol, canonical name, socket address

__all__ = [
    "CLOSE",
    "IS_STALE",
    "RECEIVE",
    "RESOLVE",
    "Await",
    "Close",
    "Connect",
    "IsStale",
    "Raised",
    "Receive",
    "ReceiveInto",
    "Resolve",
    "Send",
    "Sleep",
    "outcome_of",
]


class Step:
    """Something that only a driver can do."""

    __slots__ = ()


class Resolve(Step):
    __slots__ = ()


class Connect(Step):
    __slots__ = ("address",)

    def __init__(self, address: Address) -> None:
        self.address = address


class Send(Step):
    __slots__ = ("data",)

    def __init__(self, data: bytes | bytearray) -> None:
        self.data = data


class Receive(Step):
    __slots__ = ()


class ReceiveInto(Step):
    __slots__ = ("view",)

    def __init__(self, view: memoryview) -> None:
        self.view = view


class IsStale(Step):
    __slots__ = ()


class Close(Step):
    __slots__ = ()


class Sleep(Step):
    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Await(Step):
    __slots__ = ("awaitable",)

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self.awaitable = awaitable


RESOLVE, RECEIVE, IS_STALE, CLOSE = Resolve(), Receive(), IsStale(), Close()


class Raised:
    """The outcome of the handler's code that raised: a value, so that it cannot be mistaken for our own error."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def outcome_of(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call code of the handler's: its result, or Raised. SIGTERM passes, since it is not the handler's error."""
    try:
        return function(*arguments)
    except Ended:
        raise
    except BaseException as error:
        return Raised(error)
