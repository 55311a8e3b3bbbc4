"""The server side of bootjack: execution environments, the Runtime API, and the local Lambda service.

The layers, from the ground up; a lower one never imports a higher one (`make floors` checks it):

    protocol                 the execution environment as pure state machines
    service                  Lambda's public API as rules and records, without I/O
    store, sandbox, sinks    what is kept on disk; where processes run; where logs go
    engine                   makes invocations happen: environment, pool, dispatch
    web                      the HTTP edges: Runtime API, Invoke
    local                    wires the parts together: LocalLambda
    cli                      the command line, one file for each verb in `commands`
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime_api.local import LocalLambda
    from runtime_api.local_function import LocalFunction
    from runtime_api.service.errors import ServiceError
    from runtime_api.service.seams.dispatch import InvokeResult

__all__ = ["InvokeResult", "LocalFunction", "LocalLambda", "ServiceError", "__version__"]

__version__ = "0.1.0"


_PLACES = {
    "InvokeResult": "runtime_api.service.seams.dispatch",
    "LocalFunction": "runtime_api.local_function",
    "LocalLambda": "runtime_api.local",
    "ServiceError": "runtime_api.service.errors",
}


def __getattr__(name: str) -> Any:
    # Importing everything costs ten times what `bootjack --version` takes, so it happens when it is asked for.
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
