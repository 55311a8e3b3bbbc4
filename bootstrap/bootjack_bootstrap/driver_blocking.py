"""Drives conversations on a blocking socket: for handlers that run one at a time, in a process or in a thread."""

from __future__ import annotations

import _socket  # what `socket` is made of; it imports in a twentieth of the time
import sys
import time

from .ends import Ended
from .steps import Await, Close, Connect, IsStale, Receive, ReceiveInto, Resolve, Send, Sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from .steps import Address, Conversation

    T = TypeVar("T")

__all__ = ["BlockingDriver", "is_stale", "resolve"]

RECEIVE_BYTES = 65_536
# A signal that arrives just before a call of recv is handled only after it. So no call waits longer than half a
# second, and is then repeated. (A struct timeval: seconds and microseconds.)
LOOK_UP = (0).to_bytes(8, sys.byteorder) + (500_000).to_bytes(8, sys.byteorder)


class BlockingDriver:
    """Performs the steps of conversations, one after another; its connection outlives them."""

    def __init__(self, runtime_api: str) -> None:
        self._runtime_api = runtime_api
        self._socket: _socket.socket
        self._run_awaitable: Callable[[Any], Any] | None = None  # once something has to be awaited
        self._perform: dict[type, Callable[[Any], Any]] = {
            Resolve: self._resolve,
            Connect: self._connect,
            Send: self._send,
            Receive: self._receive,
            ReceiveInto: self._receive_into,
            IsStale: self._is_stale,
            Close: self._close,
            Sleep: self._sleep,
            Await: self._await,
        }

    def run(self, conversation: Conversation[T]) -> T:
        """Perform a conversation's steps; its result."""
        perform = self._perform
        send: Callable[[Any], Any] = conversation.send
        resume = send
        result: Any = None
        while True:
            try:
                step = resume(result)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            try:
                result = perform[type(step)](step)
                resume = send
            except BaseException as error:  # SIGTERM, say: see `steps`
                result, resume = error, conversation.throw

    def _resolve(self, _step: Resolve) -> list[Address] | OSError:
        return resolve(self._runtime_api)

    def _connect(self, step: Connect) -> OSError | None:
        family, kind, protocol, _, address = step.address
        connection = _socket.socket(family, kind, protocol)
        try:
            connection.connect(address)
            connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, LOOK_UP)
        except OSError as error:
            connection.close()
            return error
        self._socket = connection
        return None

    def _send(self, step: Send) -> bool:
        try:
            self._socket.sendall(step.data)
        except OSError:
            return False
        return True

    def _receive(self, _step: Receive) -> bytes:
        while not Ended.is_due:
            try:
                return self._socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                pass  # LOOK_UP is over
            except OSError:
                return b""
        raise Ended(0)

    def _receive_into(self, step: ReceiveInto) -> int:
        while True:
            try:
                return self._socket.recv_into(step.view)
            except BlockingIOError:
                pass  # LOOK_UP is over
            except OSError:
                return 0

    def _is_stale(self, _step: IsStale) -> bool:
        return is_stale(self._socket)

    def _close(self, _step: Close) -> None:
        self._socket.close()

    def _sleep(self, step: Sleep) -> None:
        time.sleep(step.seconds)

    def _await(self, step: Await) -> Any:
        if self._run_awaitable is None:
            from .event_loop import runner

            self._run_awaitable = runner()
        return self._run_awaitable(step.awaitable)


def resolve(runtime_api: str) -> list[Address] | OSError:
    """The addresses of AWS_LAMBDA_RUNTIME_API.

    Its host as bytes: text is checked for an international name, whose codec takes 8 ms to import.
    """
    host, _, port = runtime_api.rpartition(":")
    try:
        return _socket.getaddrinfo(
            host.strip("[]").encode() or b"127.0.0.1",
            int(port) if port.isdecimal() else 80,
            0,
            _socket.SOCK_STREAM,
        )
    except OSError as error:
        return error


def is_stale(connection: _socket.socket) -> bool:
    """Whether the server has ended a connection that was idle; unexpected bytes count as such."""
    try:
        connection.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
