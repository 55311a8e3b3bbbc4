"""Serves invocations, one after another: asks for an event, calls the handler, posts its answer or its error.

A conversation: see `steps`. Several of them may run beside each other, each on a connection of its own.
"""

from __future__ import annotations

import os
from types import GeneratorType

from .calls import REQUEST_ID, event_of, refused
from .codec import marshal_result, prepare, unmarshal_event
from .context import Context, CurrentInvocation
from .ends import LAST_ERRORS
from .faults import describe, xray_cause
from .steps import Await, Raised, outcome_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

    from .calls import Calls
    from .client import Client
    from .http1 import Response
    from .logs import Log
    from .settings import Settings
    from .steps import Conversation

__all__ = ["Serving"]

# Results that are neither awaited nor iterated: recognised by one look-up, since nearly every result is one of them.
PLAIN = frozenset({dict, list, str, int, float, bool, type(None), bytes, tuple})


class Serving:
    """What each invocation of this process has in common."""

    def __init__(
        self,
        client: Client,
        calls: Calls,
        handler: Callable[[Any, Any], Any],
        settings: Settings,
        log: Log,
        is_alone: bool = True,  # no other invocation runs in this process, so the environment may describe this one
    ) -> None:
        self._client = client
        self._calls = calls
        self._handler = handler
        self._settings = settings
        self._log = log
        self._is_alone = is_alone

    def run(self) -> Conversation[NoReturn]:
        """Serve until the process ends; RuntimeApiFailed or ConnectionLost if it has to."""
        ask, request = self._client.ask, self._calls.next
        yield from self._serve((yield from ask(request, meanwhile=prepare)))
        while True:
            yield from self._serve((yield from ask(request)))

    def _serve(self, response: Response) -> Conversation[None]:
        """Serve one invocation, from its event to the platform's response to the answer."""
        event, body = event_of(response)
        outcome = outcome_of(self._call, event, body)
        if type(outcome) not in PLAIN:
            if hasattr(type(outcome), "__await__"):
                outcome = yield Await(outcome)
            if type(outcome) is GeneratorType or hasattr(type(outcome), "__anext__"):
                from .streaming import stream

                outcome = yield from stream(self._client, self._calls, event, outcome, self._log)
                if outcome is None:
                    return
        if type(outcome) is not Raised:
            outcome = outcome_of(marshal_result, outcome)
        if type(outcome) is Raised:
            yield from self._report(event, outcome.error)
            return
        self._log.flush()
        answer = yield from self._client.ask(*self._calls.respond(event, *outcome))
        self._log.note(refused(answer, "A response"))

    def _call(self, event: Mapping[str, str], body: bytes | bytearray) -> Any:
        context = Context(event, self._settings, self._log.write)
        CurrentInvocation.set(context)
        if self._is_alone:
            _set_trace(context.trace_id)
        context.read_caller(event)
        return self._handler(unmarshal_event(body, event.get("content-type", "")), context)

    def _report(self, event: Mapping[str, str], error: BaseException) -> Conversation[None]:
        """Log and post an error that the handler did not catch."""
        document = describe(error, event[REQUEST_ID])
        self._log.error(error, document)
        self._log.flush()
        answer = yield from self._client.ask(*self._calls.fail(event, document, xray_cause(error, document)))
        self._log.note(refused(answer, "An error"))
        if isinstance(error, LAST_ERRORS):
            raise error


def _set_trace(trace_id: str | None) -> None:
    """Publish the trace header where AWS's X-Ray SDK looks for it (guide 4592)."""
    if trace_id is not None:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
