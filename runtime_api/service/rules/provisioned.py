"""Environments of a version that are kept initialised: asked for here, made by the server, and shown as they are.

Texts that no recording has are those that AWS is known to answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.service.arns import LATEST, function_arn
from runtime_api.service.errors import (
    InvalidParameterValueException,
    ProvisionedConcurrencyConfigNotFoundException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from runtime_api.service.function_record import Function, Provisioned
from runtime_api.service.shares import provisioned_by, provisioned_of

from . import Result, page
from .addressing import function_named, name_in, not_found
from .concurrency import LEAST_UNRESERVED, unreserved

if TYPE_CHECKING:
    from runtime_api.service.function_record import Alias

    from . import Asked

__all__ = [
    "check_alias",
    "delete_provisioned_concurrency_config",
    "get_provisioned_concurrency_config",
    "list_provisioned_concurrency_configs",
    "put_provisioned_concurrency_config",
    "without",
]

PAGE = 50
INIT_FAILED = "FUNCTION_ERROR_INIT_FAILURE"
UNPUBLISHED = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
NOT_QUALIFIED = "The function resource provided must be an alias or a published version."
ALIAS_CONFLICT = "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
VERSION_CONFLICT = "Version is pointed by a Provisioned Concurrency alias"


def put_provisioned_concurrency_config(asked: Asked) -> Result:
    """Ask for environments of a version, or of the one that an alias points to."""
    function, qualifier = _qualified(asked, UNPUBLISHED)
    config = Provisioned(asked.parameters["ProvisionedConcurrentExecutions"], asked.now)
    alias = function.aliases.get(qualifier)
    _check_kind(function, alias.version if alias is not None else qualifier)
    if alias is None:
        _check_version(function, qualifier)
    elif alias.weights:
        raise InvalidParameterValueException("Alias with weights can not be used with Provisioned Concurrency")
    changed = structs.replace(function, provisioned={**function.provisioned, qualifier: config})
    if alias is not None:
        check_alias(changed, alias)
    _check_room(asked, function, changed, config.requested)
    return Result(_shown(asked, changed, qualifier), changed)


def get_provisioned_concurrency_config(asked: Asked) -> Result:
    """Show how far the environments have come."""
    function, qualifier = _qualified(asked, NOT_QUALIFIED)
    if qualifier not in function.provisioned:
        raise ProvisionedConcurrencyConfigNotFoundException(
            "No Provisioned Concurrency Config found for this function"
        )
    return Result(_shown(asked, function, qualifier))


def delete_provisioned_concurrency_config(asked: Asked) -> Result:
    """Keep no more environments initialised; what is not there is deleted already."""
    function, qualifier = _qualified(asked, NOT_QUALIFIED)
    return Result({}, without(function, qualifier)) if qualifier in function.provisioned else Result({})


def list_provisioned_concurrency_configs(asked: Asked) -> Result:
    """Show every version and alias that has some."""
    function, _ = function_named(asked)
    items = [
        (qualifier, {"FunctionArn": function.arn(qualifier)} | _shown(asked, function, qualifier))
        for qualifier in sorted(function.provisioned)
    ]
    return page(items, asked.parameters, "ProvisionedConcurrencyConfigs", PAGE)


def without(function: Function, qualifier: str) -> Function:
    """Return the function without what is provisioned for a version or an alias."""
    kept = {each: config for each, config in function.provisioned.items() if each != qualifier}
    return structs.replace(function, provisioned=kept)


def check_alias(function: Function, alias: Alias) -> None:
    """Raise a ServiceError if an alias with provisioned environments points where it may not."""
    if alias.name not in function.provisioned:
        return
    if alias.version == LATEST:
        raise InvalidParameterValueException(UNPUBLISHED)
    others = (provisioned_by(function, each) for each in function.provisioned if each != alias.name)
    if any(number in versions for versions in others for number in (alias.version, *alias.weights)):
        raise ResourceConflictException(ALIAS_CONFLICT)


def _qualified(asked: Asked, unpublished: str) -> tuple[Function, str]:
    """The function and the qualifier: an alias or a published version, which has to be there."""
    named = name_in(asked)
    qualifier = named.qualifier or LATEST
    if qualifier == LATEST:
        raise InvalidParameterValueException(unpublished)
    function = asked.functions.get(named.name)
    if function is not None and (qualifier in function.aliases or qualifier in function.published):
        return function, qualifier
    if qualifier.isdigit():
        raise not_found(asked, named)
    arn = function_arn(asked.owner.region, asked.owner.account, named.name, qualifier)
    raise ResourceNotFoundException(f"Cannot find alias arn: {arn}")


def _check_kind(function: Function, number: str) -> None:
    """Raise InvalidParameterValueException for versions whose environments come to be in another way."""
    version = function.version(number)
    assert version is not None
    for setting, is_set in (
        ("SnapStart", version.configuration.snap_start["ApplyOn"] != "None"),
        ("TenancyConfig", version.configuration.tenancy_config is not None),
        ("CapacityProviderConfig", version.configuration.capacity_provider_config is not None),
    ):
        if is_set:
            raise InvalidParameterValueException(
                f"Provisioned concurrency is not supported for functions with {setting}."
            )


def _check_version(function: Function, number: str) -> None:
    others = (provisioned_by(function, each) for each in function.provisioned if each != number)
    if any(number in versions for versions in others):
        raise ResourceConflictException(VERSION_CONFLICT)


def _check_room(asked: Asked, before: Function, after: Function, requested: int) -> None:
    """Raise InvalidParameterValueException for more than the function has reserved, or the account can spare."""
    if after.reserved_concurrency is not None:
        if provisioned_of(after) > after.reserved_concurrency:
            raise InvalidParameterValueException(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution "
                "for function"
            )
        return
    room = unreserved(asked) + provisioned_of(before)
    if requested > room:
        raise InvalidParameterValueException(
            f"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{room}]."
        ).without_fault()
    if room - provisioned_of(after) < LEAST_UNRESERVED:
        raise InvalidParameterValueException(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
            f"minimum value of [{LEAST_UNRESERVED}]."
        ).without_fault()


def _shown(asked: Asked, function: Function, qualifier: str) -> dict[str, Any]:
    config = function.provisioned[qualifier]
    versions = provisioned_by(function, qualifier)
    found = {number: asked.allocation(function.arn(number)) for number in versions}
    available = sum(min(count, found[number].available) for number, count in versions.items())
    shown: dict[str, Any] = {
        "RequestedProvisionedConcurrentExecutions": config.requested,
        "AvailableProvisionedConcurrentExecutions": available,
        "AllocatedProvisionedConcurrentExecutions": available,
        "LastModified": config.last_modified,
    }
    if any(found[number].wanted != count for number, count in versions.items()):
        return shown | {"Status": "IN_PROGRESS"}  # the server has not begun
    failed = [each for each in found.values() if each.is_failed]
    if failed:
        return shown | {"Status": "FAILED", "StatusReason": failed[0].reason or INIT_FAILED}
    return shown | {"Status": "READY" if available == config.requested else "IN_PROGRESS"}
