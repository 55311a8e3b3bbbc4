"""The client side of the Lambda Runtime API: fetches events, calls a Python handler, posts its answers.

Standard library only, Python 3.9 and newer, and independent of bootjack's other packages, so that the folder can live
in a layer. A start counts in milliseconds: modules that it does not need are imported later, if at all.

    bootstrap         the executable: finds this package, runs __main__
    __main__          reads the environment variables and arguments into Settings
    runtime           one process from its start to its end: load the handler, then serve
    handler           finds the handler by its name
    serving           answers events, one after another: a conversation
    streaming         answers an event with the items of a generator: part of that conversation
    client, responses requests and responses on one keep-alive connection: what `serving` is made of
    steps             what a conversation asks its driver to do
    driver_blocking   performs the steps on a blocking socket
    driver_asyncio    performs the steps with asyncio
    parallel          several invocations at once (AWS_LAMBDA_MAX_CONCURRENCY)
    calls, http1      requests and responses as bytes
    codec             events and results as JSON; `values` and `quick_json` are imported if needed
    context           the handler's second argument
    faults            exceptions as error documents
    logs              the function's log; `log_records` sets up `logging` if the handler imports it
    snapstart         hooks before a snapshot and after a restore
    ends              why a process ends

A handler may import the names in `__all__` from here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import current_context
    from .streaming import HttpResponse
    from .values import set_json_default

__all__ = ["HttpResponse", "current_context", "set_json_default"]

_MODULES = {"HttpResponse": "streaming", "current_context": "context", "set_json_default": "values"}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = __import__(f"{__name__}.{_MODULES[name]}", fromlist=[name])
    return getattr(module, name)
