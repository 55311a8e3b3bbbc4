"""Which function an operation means, and which of its versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.service.arns import LATEST, FunctionName, function_arn, parse_function_name
from runtime_api.service.errors import (
    AccessDeniedException,
    PreconditionFailedException,
    ResourceNotFoundException,
)
from runtime_api.service.resolving import not_reachable

if TYPE_CHECKING:
    from runtime_api.service.function_record import Function, Version

    from . import Asked

__all__ = ["check_revision", "function_named", "name_in", "not_found", "resource_missing", "version_named"]

STALE = (
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the {} API to retrieve the latest Revision Id"
)


def name_in(asked: Asked, parameter: str = "FunctionName") -> FunctionName:
    """Return the parts of the name that was given, with the Qualifier beside it."""
    given, qualifier = asked.parameters[parameter], asked.parameters.get("Qualifier")
    named = parse_function_name(given, qualifier)
    if not _is_everybodys(asked, named):
        if named.region is not None and named.region != asked.owner.region:
            raise not_reachable(named.region, asked.owner.region)
        if named.account is not None and named.account != asked.owner.account:
            raise AccessDeniedException
    return named


def _is_everybodys(asked: Asked, named: FunctionName) -> bool:
    """Whether this is the ARN of another owner's function that the caller can use like one of its own."""
    found = asked.functions.get(named.name)
    return found is not None and (named.account, named.region) == found.owner


def function_named(asked: Asked, parameter: str = "FunctionName") -> tuple[Function, str | None]:
    """Return the function that was named, and the qualifier; ResourceNotFoundException if there is none."""
    named = name_in(asked, parameter)
    function = asked.functions.get(named.name)
    if function is None:
        raise not_found(asked, named)
    return function, named.qualifier


def version_named(asked: Asked) -> tuple[Function, Version, str | None]:
    """Return the function, the version that the qualifier means, through an alias if it is one, and the qualifier."""
    function, qualifier = function_named(asked)
    alias = function.aliases.get(qualifier or "")
    version = function.version(alias.version if alias else qualifier or LATEST)
    if version is None:
        raise not_found(asked, FunctionName(function.name, qualifier))
    return function, version, qualifier


def not_found(asked: Asked, named: FunctionName) -> ResourceNotFoundException:
    """Return the error for a function, version or alias that is not there."""
    arn = function_arn(asked.owner.region, asked.owner.account, named.name, named.qualifier)
    return ResourceNotFoundException(f"Function not found: {arn}")


def resource_missing() -> ResourceNotFoundException:
    """Return the error of operations that do not say what is missing."""
    return ResourceNotFoundException("The resource you requested does not exist.")


def check_revision(given: str | None, current: str, source: str = "GetFunction/GetAlias") -> None:
    """Raise PreconditionFailedException when the caller's RevisionId is not the current one."""
    if given is not None and given != current:
        raise PreconditionFailedException(STALE.format(source))
