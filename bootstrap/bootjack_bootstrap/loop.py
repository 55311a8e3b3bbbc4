"""One invocation after another on one connection: the loop of a process, or of one of its threads."""

from __future__ import annotations

import os

from .calls import Calls, encoded, event_of, refused
from .codec import prepare, unmarshal_event
from .connection import ConnectionLost
from .context import Context, CurrentInvocation
from .faults import describe
from .http1 import chunk, last_chunk
from .invocation import PLAIN, Ended, is_awaitable, is_generator, respond_with, tell_error
from .streaming import error_trailers, opening, piece

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from .connection import Connection
    from .http1 import Response
    from .logs import Log
    from .settings import Settings

__all__ = ["Loop"]

# After these the process ends, once they have been reported: the first two are a handler's own wish.
LAST_ERRORS = (SystemExit, KeyboardInterrupt)


class Loop:
    """Serves invocations one at a time until the process ends; RuntimeApiFailed when it can only do that."""

    def __init__(
        self,
        connection: Connection,
        handler: Callable[[Any, Any], Any],
        settings: Settings,
        log: Log,
        alone: bool = True,  # nobody else in this process serves invocations: variables may tell of this one
    ) -> None:
        self._connection = connection
        self._calls = Calls(connection.host)
        self._handler = handler
        self._settings = settings
        self._log = log
        self._alone = alone
        self._tasks: Any = None  # the event loop, once something has to be awaited
        self._last_error: BaseException | None = None  # what ends the process once a stream has been answered

    def run(self) -> None:
        """Serve for ever."""
        self._serve(self._connection.ask(self._calls.next, meanwhile=prepare))
        ask, following = self._connection.ask, self._calls.next
        while True:
            self._serve(ask(following))

    def _serve(self, response: Response) -> None:
        """One invocation, from its event to the platform's word on the answer."""
        event, body = event_of(response)
        try:
            result = self._call(event, body)
            if type(result) not in PLAIN and is_generator(result):
                answer = self._stream(event, result)
            else:
                request = respond_with(self._calls, event, result)
                self._log.flush()
                answer = self._connection.ask(*request)
        except (Ended, ConnectionLost):
            raise
        except BaseException as error:
            answer = self._connection.ask(*tell_error(self._calls, event, error, self._log))
            self._note(refused(answer, "An error"))
            if isinstance(error, LAST_ERRORS):
                raise
        else:
            message = refused(answer, "A response") if answer is not None else None
            if message:
                self._note(message)
            if self._last_error is not None:
                raise self._last_error

    def _call(self, event: Mapping[str, str], body: bytes | bytearray) -> Any:
        context = Context(event, self._settings, self._log.write)
        CurrentInvocation.set(context)
        if self._alone:
            _set_trace(context.trace_id)
        context.read_caller(event)
        result = self._handler(unmarshal_event(body, event.get("content-type", "")), context)
        if type(result) not in PLAIN and is_awaitable(result):
            return self._event_loop().run(result)
        return result

    def _event_loop(self) -> Any:
        if self._tasks is None:
            from .tasks import EventLoop

            self._tasks = EventLoop()
        return self._tasks

    def _note(self, message: str | None) -> None:
        if message:
            self._log.say(message)
        self._log.flush()

    def _stream(self, event: Mapping[str, str], result: Any) -> Response | None:
        """Answer in pieces, beginning with the first: until that is there, a failure is an ordinary error.

        None when the platform wants no more and says nothing: the invocation is over, the process is not.
        """
        items = self._event_loop().iterate(result) if hasattr(type(result), "__anext__") else result
        try:
            first = next(items, None)
            content_type, start = opening(first)
            head = self._calls.stream(event, content_type)
            return self._connection.stream(head, self._pieces(event, start, items))
        except ConnectionLost:
            self._note("A streamed response was cut off by the platform")
            return None
        finally:
            items.close()

    def _pieces(self, event: Mapping[str, str], start: bytes, items: Iterator[Any]) -> Iterator[bytes]:
        if start:
            yield chunk(start)
        try:
            for item in items:
                data = piece(item)
                if data:
                    yield chunk(data)
        except (Ended, GeneratorExit):
            raise
        except BaseException as error:
            document = describe(error, event["lambda-runtime-aws-request-id"])
            self._log.error(error, document)
            self._log.flush()
            yield last_chunk(error_trailers(document, encoded(document)))
            if isinstance(error, LAST_ERRORS):
                self._last_error = error
        else:
            self._log.flush()
            yield last_chunk({})


def _set_trace(trace_id: str | None) -> None:
    """Tell AWS's X-Ray SDK, which looks for it here (guide 4592)."""
    if trace_id is not None:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
