"""The runtimes of Lambda: which may be created, and which are out of support."""

from __future__ import annotations

from .errors import InvalidParameterValueException
from .operations import model

__all__ = ["check_runtime"]

# In the order in which Lambda lists them (recorded 2026-01).
SUPPORTED = """
    nodejs20.x python3.14 provided.al2023 python3.12 python3.13 nodejs24.x nodejs22.x java25 python3.10 python3.11
    java21 ruby3.3 ruby3.4 ruby3.2 python3.8 python3.9 java17 nodejs16.x dotnet10 dotnet8 java11 dotnet6 nodejs18.x
    provided.al2 java8.al2
"""
DEPRECATED = """
    nodejs nodejs4.3 nodejs4.3-edge nodejs6.10 nodejs8.10 nodejs10.x nodejs12.x nodejs14.x python2.7 python3.6
    python3.7 ruby2.5 ruby2.7 java8 go1.x provided dotnetcore1.0 dotnetcore2.0 dotnetcore2.1 dotnetcore3.1
"""


def check_runtime(runtime: str) -> None:
    """Raise InvalidParameterValueException for a runtime that no function may be created with or changed to."""
    if runtime in DEPRECATED.split():
        raise InvalidParameterValueException(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions."
        )
    if runtime in model().shapes["Runtime"].enum:
        return
    raise InvalidParameterValueException(
        f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
        f"[{', '.join(SUPPORTED.split())}] or be a valid ARN"
    )
