"""What becomes of events whose invocations fail: how often and how long they are tried, and where they go then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.service.arns import LATEST, parse_function_name
from runtime_api.service.errors import InvalidParameterValueException, ResourceNotFoundException
from runtime_api.service.function_record import EventInvoke

from . import Result, page
from .addressing import function_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.service.function_record import Function

    from . import Asked

__all__ = [
    "delete_function_event_invoke_config",
    "get_function_event_invoke_config",
    "list_function_event_invoke_configs",
    "put_function_event_invoke_config",
    "update_function_event_invoke_config",
]

PAGE = 50
SETTINGS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


def put_function_event_invoke_config(asked: Asked) -> Result:
    """Set how events are tried; what the parameters leave out is Lambda's default again."""
    function, qualifier = _qualified(asked)
    return _with(asked, function, qualifier, _checked(asked, function))


def update_function_event_invoke_config(asked: Asked) -> Result:
    """Change how events are tried; what the parameters leave out stays."""
    function, qualifier = _qualified(asked)
    before = _config(function, qualifier)
    return _with(asked, function, qualifier, before.settings | _checked(asked, function))


def get_function_event_invoke_config(asked: Asked) -> Result:
    """Show how events are tried."""
    function, qualifier = _qualified(asked)
    return Result(_shown(function, qualifier, _config(function, qualifier)))


def delete_function_event_invoke_config(asked: Asked) -> Result:
    """Forget how events are tried: Lambda's defaults hold again."""
    function, qualifier = _qualified(asked)
    _config(function, qualifier)
    kept = {each: config for each, config in function.event_invoke.items() if each != qualifier}
    return Result({}, structs.replace(function, event_invoke=kept))


def list_function_event_invoke_configs(asked: Asked) -> Result:
    """Show the settings of every version and alias that has any."""
    function, _ = function_named(asked)
    items = [(each, _shown(function, each, config)) for each, config in sorted(function.event_invoke.items())]
    return page(items, asked.parameters, "FunctionEventInvokeConfigs", PAGE)


def _qualified(asked: Asked) -> tuple[Function, str]:
    """The function and the qualifier, which has to be there."""
    function, qualifier = function_named(asked)
    named = qualifier or LATEST
    if named not in function.aliases and function.version(named) is None:
        raise ResourceNotFoundException("The function doesn't exist.")
    return function, named


def _config(function: Function, qualifier: str) -> EventInvoke:
    config = function.event_invoke.get(qualifier)
    if config is None:
        raise ResourceNotFoundException(f"The function {function.arn(qualifier)} doesn't have an EventInvokeConfig")
    return config


def _checked(asked: Asked, function: Function) -> dict[str, Any]:
    given = {name: asked.parameters[name] for name in SETTINGS if name in asked.parameters}
    if not given:
        raise InvalidParameterValueException(
            "You must specify at least one of error handling or destination setting."
        )
    for destination in given.get("DestinationConfig", {}).values():
        _check_destination(asked, function, destination.get("Destination", ""))
    return given


def _check_destination(asked: Asked, function: Function, arn: str) -> None:
    if ":lambda:" not in arn:
        return
    name = parse_function_name(arn).name
    if name == function.name:
        raise InvalidParameterValueException("You can't specify the function as a destination for itself.")
    if name not in asked.functions:
        raise InvalidParameterValueException(f"The destination ARN {arn} is invalid.")


def _with(asked: Asked, function: Function, qualifier: str, settings: Mapping[str, Any]) -> Result:
    config = EventInvoke(dict(settings), asked.unix_s)
    changed = structs.replace(function, event_invoke={**function.event_invoke, qualifier: config})
    return Result(_shown(changed, qualifier, config), changed)


def _shown(function: Function, qualifier: str, config: EventInvoke) -> dict[str, Any]:
    destinations: dict[str, Any] = {"OnSuccess": {}, "OnFailure": {}} | config.settings.get("DestinationConfig", {})
    shown = config.settings | {"DestinationConfig": destinations}
    return shown | {"FunctionArn": function.arn(qualifier), "LastModified": config.last_modified}
