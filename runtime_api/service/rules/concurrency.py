"""How much of the account's concurrency a function has to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from runtime_api.service.errors import InvalidParameterValueException
from runtime_api.service.shares import claimed, provisioned_of

from . import Result
from .addressing import function_named, name_in

if TYPE_CHECKING:
    from runtime_api.service.function_record import Function

    from . import Asked

__all__ = [
    "LEAST_UNRESERVED",
    "delete_function_concurrency",
    "get_function_concurrency",
    "put_function_concurrency",
    "unreserved",
]

LEAST_UNRESERVED = 100  # guide 1715


def put_function_concurrency(asked: Asked) -> Result:
    """Reserve a share, which no other function can use and which this one cannot exceed; 0 stops it."""
    function = _whole_function(asked)
    wanted = asked.parameters["ReservedConcurrentExecutions"]
    provisioned = provisioned_of(function)
    if wanted < provisioned:
        raise InvalidParameterValueException(
            f" ReservedConcurrentExecutions  {wanted} should not be lower than function's total provisioned "
            f"concurrency [{provisioned}]."
        )
    if unreserved(asked) + claimed(function) - wanted < LEAST_UNRESERVED:
        refusal = InvalidParameterValueException(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{LEAST_UNRESERVED}]."
        )
        raise refusal.without_fault()
    changed = structs.replace(function, reserved_concurrency=wanted)
    return Result({"ReservedConcurrentExecutions": wanted}, changed)


def get_function_concurrency(asked: Asked) -> Result:
    """Show the share, if there is one."""
    function, _ = function_named(asked)
    return Result({"ReservedConcurrentExecutions": function.reserved_concurrency})


def delete_function_concurrency(asked: Asked) -> Result:
    """Give the share back."""
    function = _whole_function(asked)
    return Result({}, structs.replace(function, reserved_concurrency=None))


def _whole_function(asked: Asked) -> Function:
    """The function that is named: its versions and aliases have no share of their own."""
    if name_in(asked).qualifier is not None:
        raise InvalidParameterValueException(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this "
            "operation. Please specify either a function name or an unqualified function ARN."
        )
    function, _ = function_named(asked)
    return function


def unreserved(asked: Asked) -> int:
    """Return what the functions without a share have together."""
    return asked.profile.limits.concurrency_max - sum(claimed(each) for each in asked.functions.values())
