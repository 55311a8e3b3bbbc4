"""What one invocation comes to: the handler's result told apart, an error described. No connection here."""

from __future__ import annotations

from types import GeneratorType

from .codec import marshal_result
from .faults import describe, xray_cause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .calls import Calls
    from .logs import Log

__all__ = ["PLAIN", "Ended", "is_awaitable", "is_generator", "respond_with", "tell_error"]

# Results that are neither awaited nor iterated: known by one look, since nearly every result is one of them.
PLAIN = frozenset({dict, list, str, int, float, bool, type(None), bytes, tuple})


class Ended(SystemExit):
    """The platform has asked this process to end (SIGTERM): not the handler's own exit."""


def is_awaitable(result: Any) -> bool:
    """Whether an event loop has to run it."""
    return hasattr(type(result), "__await__")


def is_generator(result: Any) -> bool:
    """Whether it is a response in pieces."""
    return type(result) is GeneratorType or hasattr(type(result), "__anext__")


def respond_with(calls: Calls, event: Mapping[str, str], result: Any) -> tuple[bytes, bytes]:
    """The request that answers with a plain result; a Fault when there is no JSON for it."""
    body, content_type = marshal_result(result)
    return calls.respond(event, content_type, body)


def tell_error(calls: Calls, event: Mapping[str, str], error: BaseException, log: Log) -> tuple[bytes, bytes]:
    """Log an error that nobody caught; the request that reports it."""
    document = describe(error, event["lambda-runtime-aws-request-id"])
    log.error(error, document)
    return calls.fail(event, document, xray_cause(error, document))
