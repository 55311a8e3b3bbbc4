"""What becomes of events whose invocations fail: how often and how long they are tried, and where they go then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.service.arns import LATEST, function_arn, parse_function_name
from runtime_api.service.errors import InvalidParameterValueException, ResourceNotFoundException
from runtime_api.service.function_record import EventInvoke

from . import Result, page
from .addressing import name_in

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
NO_FUNCTION = "The function doesn't exist."
DESTINATIONS = ("OnSuccess", "OnFailure")
SERVICES = frozenset({"sns", "sqs", "events", "s3"})  # besides functions
SETTINGS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


def put_function_event_invoke_config(asked: Asked) -> Result:
    """Set how events are tried; what the parameters leave out is Lambda's default again."""
    given = _given(asked)
    function, qualifier = _qualified(asked)
    _check_destinations(asked, function, given)
    return _with(asked, function, qualifier, given)


def update_function_event_invoke_config(asked: Asked) -> Result:
    """Change how events are tried; what the parameters leave out stays."""
    given = _given(asked)
    function, qualifier = _qualified(asked)
    before = function.event_invoke.get(qualifier)
    if before is None:
        raise _without_config(function.arn(qualifier))
    _check_destinations(asked, function, given)
    return _with(asked, function, qualifier, before.settings | given)


def get_function_event_invoke_config(asked: Asked) -> Result:
    """Show how events are tried."""
    function, qualifier, config = _config(asked)
    return Result(_shown(function, qualifier, config))


def delete_function_event_invoke_config(asked: Asked) -> Result:
    """Forget how events are tried: Lambda's defaults hold again."""
    function, qualifier, _ = _config(asked)
    kept = {each: config for each, config in function.event_invoke.items() if each != qualifier}
    return Result({}, structs.replace(function, event_invoke=kept))


def list_function_event_invoke_configs(asked: Asked) -> Result:
    """Show the settings of every version and alias that has any."""
    function = asked.functions.get(name_in(asked).name)
    if function is None:
        raise ResourceNotFoundException(NO_FUNCTION)
    items = [(each, _shown(function, each, config)) for each, config in sorted(function.event_invoke.items())]
    return page(items, asked.parameters, "FunctionEventInvokeConfigs", PAGE)


def _given(asked: Asked) -> dict[str, Any]:
    given = {name: asked.parameters[name] for name in SETTINGS if name in asked.parameters}
    if not given:
        raise InvalidParameterValueException(
            "You must specify at least one of error handling or destination setting."
        )
    return given


def _qualified(asked: Asked) -> tuple[Function, str]:
    """The function and the qualifier, which has to be there."""
    named = name_in(asked)
    function, qualifier = asked.functions.get(named.name), named.qualifier or LATEST
    if function is None or (qualifier not in function.aliases and function.version(qualifier) is None):
        raise ResourceNotFoundException(NO_FUNCTION)
    return function, qualifier


def _config(asked: Asked) -> tuple[Function, str, EventInvoke]:
    """What a function has under a qualifier; Lambda does not tell whether the function or only this is missing."""
    named = name_in(asked)
    function, qualifier = asked.functions.get(named.name), named.qualifier or LATEST
    config = None if function is None else function.event_invoke.get(qualifier)
    if function is None or config is None:
        raise _without_config(function_arn(asked.owner.region, asked.owner.account, named.name, qualifier))
    return function, qualifier, config


def _without_config(arn: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"The function {arn} doesn't have an EventInvokeConfig")


def _check_destinations(asked: Asked, function: Function, given: Mapping[str, Any]) -> None:
    """Raise InvalidParameterValueException for what events cannot be sent to."""
    config = given.get("DestinationConfig", {})
    arns = {kind: config.get(kind, {}).get("Destination", "") for kind in DESTINATIONS}
    for arn in filter(None, arns.values()):
        service = f"{arn}::".split(":")[2]
        if service == "lambda":
            _check_function(asked, function, arn)
        elif service not in SERVICES:
            success, failure = (f"{kind}(destination={arn})" if arn else "null" for kind, arn in arns.items())
            shown = f"DestinationConfig(onSuccess={success}, onFailure={failure})"
            raise InvalidParameterValueException(f"The provided destination config {shown} is invalid.")


def _check_function(asked: Asked, function: Function, arn: str) -> None:
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
