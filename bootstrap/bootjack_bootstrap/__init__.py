"""The client side of the Runtime API: fetches events, calls a Python handler, posts its answers.

Standard library only, Python 3.9 and newer, and alone: nothing here imports another package of bootjack, so that the
folder can live in a layer. What a start does not need is imported later, if at all: a start counts in milliseconds.

    bootstrap     the executable: finds this package, runs __main__
    __main__      the door: variables and arguments become Settings
    runtime       one process from its start to its end: init, then a loop
    handler       a handler's name -> what to call
    loop          one invocation after another
    parallel      several invocations at once (AWS_LAMBDA_MAX_CONCURRENCY)
    invocation    what a handler returned -> an answer
    calls         the calls of the Runtime API
    http1         HTTP/1.1 as a client needs it; pure
    connection    one keep-alive connection, blocking; `task_connection` is its twin for asyncio
    codec         JSON and Python values
    streaming     generators become streamed responses
    context       the handler's second argument
    faults        exceptions become error documents
    logs          what `logging` writes, and where
    snapstart     hooks before a snapshot and after a restore

A handler may import from here what stands in `__all__`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import current_context
    from .streaming import HttpResponse
    from .values import set_json_default

__all__ = ["HttpResponse", "current_context", "set_json_default"]

_PLACES = {"HttpResponse": "streaming", "current_context": "context", "set_json_default": "values"}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = __import__(f"{__name__}.{_PLACES[name]}", fromlist=[name])
    return getattr(module, name)
