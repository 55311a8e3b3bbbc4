"""bootjack: the Lambda runtime kit. Import what you need from here.

    from bootjack import LocalFunction, LocalLambda

Everything is loaded on first use, so `import bootjack` is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import runtime_api
from runtime_api import __version__

if TYPE_CHECKING:
    from runtime_api import InvokeResult, LocalFunction, LocalLambda, ServiceError

__all__ = ["InvokeResult", "LocalFunction", "LocalLambda", "ServiceError", "__version__"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(runtime_api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
