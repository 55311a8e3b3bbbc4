"""bootjack: the Lambda runtime kit.

The floors, from the ground up; a lower one never imports a higher one (checked by `make floors`):

    protocol   the execution environment as a pure state machine
    service    Lambda's public API as rules and records, without I/O
    sandbox    where processes live; beside it `sinks`, where logs go
    engine     makes invocations happen: environment, pool, invoker
    web        the edges: Runtime API, Invoke
    local      the assembly: LocalLambda
    cli        the command line, one file for each verb in `commands`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime_api.engine.environment import InvokeResult
    from runtime_api.engine.invoker import InvokeRequest
    from runtime_api.local import LocalFunction, LocalLambda

__all__ = ["InvokeRequest", "InvokeResult", "LocalFunction", "LocalLambda", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Importing everything costs ten times what `bootjack --version` takes, so it happens when it is asked for.
    if name in __all__:
        from runtime_api import local

        return getattr(local, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
