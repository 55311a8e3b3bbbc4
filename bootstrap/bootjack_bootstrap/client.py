"""The client's side of one keep-alive connection: what to send, when to reconnect, how to read the response.

A server may close a connection while it is idle, which a client can see only when it uses the connection again. So a
request that went out on a used connection and got not one byte of a response is sent once more, on a new connection.
This is safe although the server may have taken it: an answer carries its request id, and the Runtime API refuses the
second one. A request on a fresh connection is never repeated.
"""

from __future__ import annotations

import os

from .ends import ConnectionLost
from .http1 import HttpError
from .responses import read_response
from .steps import CLOSE, IS_STALE, RECEIVE, RESOLVE, Connect, Send, Sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .http1 import Response
    from .steps import Conversation

__all__ = ["Client", "Upload"]

REFUSED_TRIES = 6
REFUSED_WAIT_S = 0.02  # doubled each time: 0.6 s in all
ACCEPTED = 202
LARGE_BYTES = 65_536  # a smaller body is sent together with its head, a larger one is not copied
MOST_KEPT_BYTES = 65_536  # of a streamed response, in case its beginning has to be sent again


class Client:
    """Conversations on one connection, one request at a time."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.is_connected = False
        self._known: tuple[bytes, Response] | None = None

    def ask(
        self, head: bytes, body: bytes | bytearray = b"", meanwhile: Callable[[], None] | None = None
    ) -> Conversation[Response]:
        """Send a request and read its response; call `meanwhile` while the server works on it."""
        while True:
            was_used = self.is_connected
            if not was_used:
                yield from self.connect()
            if len(body) < LARGE_BYTES:
                is_sent = yield Send(head + body if body else head)
            else:
                is_sent = (yield Send(head)) and (yield Send(body))
            if is_sent and meanwhile is not None:
                meanwhile()
            data = yield RECEIVE  # also if the connection broke: a refusal may have come before
            if data or not was_used:
                break
            yield from self.close()
        # The platform accepts each answer with the same bytes: not parsing them again saves 6 % of a warm cycle.
        if self._known is not None and data == self._known[0]:
            return self._known[1]
        return (yield from self.read(data))

    def connect(self) -> Conversation[None]:
        """Open the connection; a server that is about to listen gets a little time."""
        error = yield from self._try_addresses()
        wait_s = REFUSED_WAIT_S
        for _ in range(REFUSED_TRIES - 1):
            if not isinstance(error, ConnectionRefusedError):
                break
            yield Sleep(wait_s)
            wait_s *= 2
            error = yield from self._try_addresses()
        if error is not None:
            raise ConnectionLost(f"{self.host}: {_reason(error)}")
        self.is_connected = True

    def close(self) -> Conversation[None]:
        """Close the connection; the next request opens another."""
        if self.is_connected:
            self.is_connected = False
            yield CLOSE

    def read(self, data: bytes) -> Conversation[Response]:
        """Read the response that begins with `data`."""
        try:
            response, is_last, is_whole = yield from read_response(data)
        except HttpError as error:
            yield from self.close()
            raise ConnectionLost(f"a response cannot be read: {error}") from None
        except ConnectionLost:
            yield from self.close()
            raise
        if is_last:
            yield from self.close()
        elif is_whole and response[0] == ACCEPTED:
            self._known = data, response
        return response

    def _try_addresses(self) -> Conversation[OSError | None]:
        addresses = yield RESOLVE
        if isinstance(addresses, OSError):
            return addresses
        error: OSError | None = OSError("no address")
        for address in addresses:  # a name may have several, of which one listens
            error = yield Connect(address)
            if error is None:
                break
        return error


class Upload:
    """A request whose body is sent piece by piece.

    What has been sent is kept, until it is too much, so that a beginning lost with an idle connection is sent again.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._kept: bytearray | None = None
        self._answer: bytes | None = None

    def begin(self, data: bytes) -> Conversation[bool]:
        """Send the head of the request and the beginning of its body; whether the server takes more."""
        if self._client.is_connected and (yield IS_STALE):
            yield from self._client.close()
        if self._client.is_connected:
            self._kept = bytearray()
        else:
            yield from self._client.connect()
        return (yield from self.send(data))

    def send(self, data: bytes) -> Conversation[bool]:
        """Send a piece; whether the server takes more."""
        if self._kept is not None:
            self._kept = self._kept + data if len(self._kept) + len(data) <= MOST_KEPT_BYTES else None
        if (yield Send(data)):
            return True
        self._answer = yield RECEIVE  # a refusal may have come before the connection broke
        return (yield from self._send_again())

    def response(self) -> Conversation[Response]:
        """Read the response, once everything is sent or the server takes no more."""
        if self._answer is None:
            self._answer = yield RECEIVE
            if (yield from self._send_again()):
                self._answer = yield RECEIVE
        return (yield from self._client.read(self._answer))

    def _send_again(self) -> Conversation[bool]:
        """Send what was lost with an idle connection on a new one; whether the server takes more."""
        if self._answer or self._kept is None:
            return False
        kept, self._kept = self._kept, None
        yield from self._client.close()
        yield from self._client.connect()
        if (yield Send(kept)):
            self._answer = None
            return True
        self._answer = yield RECEIVE
        return False


def _reason(error: OSError) -> str:
    """What the system calls it; asyncio's own words are longer and say no more."""
    if error.errno and error.errno > 0:  # those of getaddrinfo are negative
        return os.strerror(error.errno).lower()
    return (error.strerror or "cannot be reached").lower()
