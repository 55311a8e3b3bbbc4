"""Drives conversations with asyncio: for asynchronous handlers that run side by side, one driver for each task.

The socket calls are those of `driver_blocking`; where they wait, the event loop does. asyncio's streams would not do:
when a connection breaks while they write, they drop what has arrived, and with it the server's refusal.
"""

from __future__ import annotations

import asyncio
import socket

from .driver_blocking import RECEIVE_BYTES, is_stale, resolve
from .event_loop import outcome_of_awaitable
from .steps import Await, Close, Connect, IsStale, Receive, ReceiveInto, Resolve, Send, Sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, TypeVar

    from .steps import Address, Conversation

    T = TypeVar("T")

__all__ = ["AsyncioDriver"]


class AsyncioDriver:
    """Performs the steps of one conversation."""

    def __init__(self, runtime_api: str) -> None:
        self._runtime_api = runtime_api
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket
        self._readable: Readable
        self._perform: dict[type, Callable[[Any], Awaitable[Any]]] = {
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

    async def run(self, conversation: Conversation[T]) -> T:
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
                result = await perform[type(step)](step)
                resume = send
            except BaseException as error:  # see `steps`
                result, resume = error, conversation.throw

    async def _resolve(self, _step: Resolve) -> list[Address] | OSError:
        return resolve(self._runtime_api)  # an address, or a name in /etc/hosts: nothing to wait for

    async def _connect(self, step: Connect) -> OSError | None:
        family, kind, protocol, _, address = step.address
        connection = socket.socket(family, kind, protocol)
        connection.setblocking(False)
        try:
            await self._loop.sock_connect(connection, address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connection.close()
            return error
        self._socket = connection
        self._readable = Readable(self._loop, connection.fileno())
        return None

    async def _send(self, step: Send) -> bool:
        try:
            await self._loop.sock_sendall(self._socket, step.data)
        except OSError:
            return False
        return True

    async def _receive(self, _step: Receive) -> bytes:
        try:
            return await self._readable.once(lambda: self._socket.recv(RECEIVE_BYTES))
        except OSError:
            return b""

    async def _receive_into(self, step: ReceiveInto) -> int:
        try:
            return await self._readable.once(lambda: self._socket.recv_into(step.view))
        except OSError:
            return 0

    async def _is_stale(self, _step: IsStale) -> bool:
        return is_stale(self._socket)

    async def _close(self, _step: Close) -> None:
        self._readable.stop()
        self._socket.close()

    async def _sleep(self, step: Sleep) -> None:
        await asyncio.sleep(step.seconds)

    async def _await(self, step: Await) -> Any:
        return await outcome_of_awaitable(step.awaitable)


class Readable:
    """Receives from a socket once there is something.

    The event loop watches the socket all the time; `loop.sock_recv` would make it begin and end with each call, which
    takes half as long again for a warm invocation (60 µs, not 40).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._is_watched = False
        self._waiter: asyncio.Future[Any] | None = None
        self._receive: Callable[[], Any]

    def once(self, receive: Callable[[], T]) -> asyncio.Future[T]:
        """What `receive` returns or raises, when it is called at the right time."""
        self._receive = receive
        self._waiter = self._loop.create_future()
        if not self._is_watched:
            self._is_watched = True
            self._loop.add_reader(self._descriptor, self._on_readable)
        return self._waiter

    def stop(self) -> None:
        """Watch the socket no more, until the next call of `once`."""
        if self._is_watched:
            self._is_watched = False
            self._loop.remove_reader(self._descriptor)

    def _on_readable(self) -> None:
        waiter = self._waiter
        if waiter is None:  # the server has closed the idle connection, which the next step will notice
            self.stop()
            return
        if waiter.done():  # its task was cancelled
            return
        try:
            waiter.set_result(self._receive())
        except BlockingIOError:
            return
        except OSError as error:
            waiter.set_exception(error)
        self._waiter = None
