"""When Lambda would update a function's runtime, and whether its loops are cut: kept and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.service.arns import LATEST
from runtime_api.service.errors import InvalidParameterValueException

from . import Result
from .addressing import function_named, version_named

if TYPE_CHECKING:
    from runtime_api.service.function_record import Function

    from . import Asked

__all__ = [
    "get_function_recursion_config",
    "get_runtime_management_config",
    "put_function_recursion_config",
    "put_runtime_management_config",
]

MANUAL = "Manual"


def put_runtime_management_config(asked: Asked) -> Result:
    """Keep when the runtime of a version is updated."""
    function, version, _ = version_named(asked)
    mode, arn = asked.parameters["UpdateRuntimeOn"], asked.parameters.get("RuntimeVersionArn")
    if (mode == MANUAL) is (arn is None):
        needed = "is required" if arn is None else "cannot be given"
        raise InvalidParameterValueException(f"RuntimeVersionArn {needed} when UpdateRuntimeOn is {mode}")
    kept = {"UpdateRuntimeOn": mode, **({} if arn is None else {"RuntimeVersionArn": arn})}
    changed = structs.replace(function, runtime_management={**function.runtime_management, version.number: kept})
    return Result(_shown(changed, version.number), changed)


def get_runtime_management_config(asked: Asked) -> Result:
    """Show when the runtime of a version is updated."""
    function, version, _ = version_named(asked)
    return Result(_shown(function, version.number))


def put_function_recursion_config(asked: Asked) -> Result:
    """Keep whether Lambda cuts loops in which the function takes part."""
    function, _ = function_named(asked)
    loop = asked.parameters["RecursiveLoop"]
    return Result({"RecursiveLoop": loop}, structs.replace(function, recursive_loop=loop))


def get_function_recursion_config(asked: Asked) -> Result:
    """Show whether Lambda cuts loops in which the function takes part."""
    function, _ = function_named(asked)
    return Result({"RecursiveLoop": function.recursive_loop})


def _shown(function: Function, number: str) -> dict[str, Any]:
    kept = function.runtime_management.get(number, {"UpdateRuntimeOn": "Auto"})
    return kept | {"FunctionArn": function.arn(None if number == LATEST else number)}
