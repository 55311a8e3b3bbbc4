"""Aliases: names for a version, or for two that share its traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.service.arns import LATEST
from runtime_api.service.errors import (
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from runtime_api.service.function_record import Alias, Function

from . import Result, page
from .addressing import check_revision, function_named
from .provisioned import check_alias, without

if TYPE_CHECKING:
    from collections.abc import Mapping

    from . import Asked

__all__ = ["create_alias", "delete_alias", "get_alias", "list_aliases", "update_alias"]

PAGE = 50


def create_alias(asked: Asked) -> Result:
    """Make an alias."""
    function, _ = function_named(asked)
    name = asked.parameters["Name"]
    if name in function.aliases:
        raise ResourceConflictException(f"Alias already exists: {function.arn(name)}")
    alias = Alias(name, asked.parameters["FunctionVersion"], asked.parameters.get("Description", ""), next(asked.ids))
    return _with(function, structs.replace(alias, weights=_weights(asked.parameters)))


def get_alias(asked: Asked) -> Result:
    """Show an alias."""
    function, _ = function_named(asked)
    return Result(_shown(function, _alias(function, asked.parameters["Name"], "Cannot find alias arn")))


def update_alias(asked: Asked) -> Result:
    """Change an alias; what the parameters leave out stays."""
    function, _ = function_named(asked)
    alias = _alias(function, asked.parameters["Name"], "Alias not found")
    check_revision(asked.parameters.get("RevisionId"), alias.revision_id)
    changed = structs.replace(
        alias,
        version=asked.parameters.get("FunctionVersion", alias.version),
        description=asked.parameters.get("Description", alias.description),
        weights=_weights(asked.parameters) if "RoutingConfig" in asked.parameters else alias.weights,
        revision_id=next(asked.ids),
    )
    return _with(function, changed)


def delete_alias(asked: Asked) -> Result:
    """Delete an alias; what is not there is deleted already."""
    function, _ = function_named(asked)
    name = asked.parameters["Name"]
    if name not in function.aliases:
        return Result({})
    kept = {each: alias for each, alias in function.aliases.items() if each != name}
    policies = {each: policy for each, policy in function.policies.items() if each != name}
    return Result({}, structs.replace(without(function, name), aliases=kept, policies=policies))


def list_aliases(asked: Asked) -> Result:
    """Show the aliases, or those of one version."""
    function, _ = function_named(asked)
    wanted = asked.parameters.get("FunctionVersion")
    items = [
        (name, _shown(function, alias))
        for name, alias in sorted(function.aliases.items())
        if wanted is None or wanted in (alias.version, *alias.weights)
    ]
    return page(items, asked.parameters, "Aliases", PAGE)


def _alias(function: Function, name: str, complaint: str) -> Alias:
    alias = function.aliases.get(name)
    if alias is None:
        raise ResourceNotFoundException(f"{complaint}: {function.arn(name)}")
    return alias


def _with(function: Function, alias: Alias) -> Result:
    """The function with this alias, whose versions have to be there."""
    for version in (alias.version, *alias.weights):
        if function.version(version) is None:
            raise ResourceNotFoundException(f"Function not found: {function.arn(version)}")
    _check_routing(alias)
    changed = structs.replace(function, aliases={**function.aliases, alias.name: alias})
    check_alias(changed, alias)
    return Result(_shown(changed, alias), changed)


def _weights(parameters: Mapping[str, Any]) -> dict[str, float]:
    return dict(parameters.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))


def _check_routing(alias: Alias) -> None:
    """Raise InvalidParameterValueException for weights that Lambda does not route by (guide 2548)."""
    if not alias.weights:
        return
    if len(alias.weights) > 1:
        raise InvalidParameterValueException("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if alias.version == LATEST or LATEST in alias.weights:
        raise InvalidParameterValueException("$LATEST is not supported for an alias pointing to more than 1 version")
    if alias.version in alias.weights:
        raise InvalidParameterValueException(
            f"Invalid function version {alias.version}. Function version {alias.version} is already included in "
            "routing configuration."
        )


def _shown(function: Function, alias: Alias) -> dict[str, Any]:
    return {
        "AliasArn": function.arn(alias.name),
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RoutingConfig": {"AdditionalVersionWeights": alias.weights} if alias.weights else None,
        "RevisionId": alias.revision_id,
    }
