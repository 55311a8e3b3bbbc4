"""Function URLs: of a function, or of an alias."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.service.arns import LATEST
from runtime_api.service.errors import ResourceConflictException, ResourceNotFoundException
from runtime_api.service.function_url_record import FunctionUrl
from runtime_api.service.tenancy import check_alone
from runtime_api.service.validation import check_parameters

from . import Result, page
from .addressing import name_in, resource_missing

if TYPE_CHECKING:
    from runtime_api.service.function_record import Function

    from . import Asked

__all__ = [
    "create_function_url_config",
    "delete_function_url_config",
    "get_function_url_config",
    "list_function_url_configs",
    "update_function_url_config",
    "url_time",
]

PAGE = 50
DEFAULT_MODE = "BUFFERED"
NO_FUNCTION = "Function does not exist"


def create_function_url_config(asked: Asked) -> Result:
    """Give a function or an alias a URL."""
    function, qualifier = _named(asked, NO_FUNCTION)
    if qualifier in function.urls:
        raise ResourceConflictException(
            f"Failed to create function url config for [functionArn = {_arn(function, qualifier)}]. "
            "Error message:  FunctionUrlConfig exists for this Lambda function"
        )
    _check_alias(function, qualifier)
    check_alone(function.latest.configuration, "A function URL")
    given, time = asked.parameters, url_time(asked.unix_s)
    url = FunctionUrl(next(asked.url_ids), given["AuthType"], time, time, given.get("Cors"), given.get("InvokeMode"))
    return Result(_shown(asked, function, qualifier, url), _with(function, qualifier, url))


def get_function_url_config(asked: Asked) -> Result:
    """Show a URL."""
    function, qualifier = _named(asked)
    return Result(_read(asked, function, qualifier, _url(function, qualifier)))


def update_function_url_config(asked: Asked) -> Result:
    """Change a URL's settings; what the parameters leave out stays."""
    function, qualifier = _named(asked, NO_FUNCTION)
    _check_alias(function, qualifier)
    url, given = _url(function, qualifier), asked.parameters
    changed = structs.replace(
        url,
        modified=url_time(asked.unix_s),
        auth_type=given.get("AuthType", url.auth_type),
        cors=given.get("Cors", url.cors),
        invoke_mode=given.get("InvokeMode", url.invoke_mode),
    )
    shown = _shown(asked, function, qualifier, changed) | {"LastModifiedTime": changed.modified}
    return Result(shown, _with(function, qualifier, changed))


def delete_function_url_config(asked: Asked) -> Result:
    """Take a URL away; its id is not given again."""
    function, qualifier = _named(asked)
    _url(function, qualifier)
    kept = {each: url for each, url in function.urls.items() if each != qualifier}
    return Result({}, structs.replace(function, urls=kept))


def list_function_url_configs(asked: Asked) -> Result:
    """Show the URLs of a function and its aliases."""
    function, _ = _named(asked, NO_FUNCTION)
    items = [(each, _read(asked, function, each, url)) for each, url in sorted(function.urls.items())]
    return page(items, asked.parameters, "FunctionUrlConfigs", PAGE)


def url_time(unix_s: float) -> str:
    """Return a moment as function URLs show it: in microseconds, unlike the rest of the API."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _named(asked: Asked, complaint: str | None = None) -> tuple[Function, str]:
    """The function, and the key of its URL; without a function ResourceNotFoundException with this complaint."""
    named = name_in(asked)
    if named.qualifier is not None:
        # One inside of the name has to be an alias, too.
        check_parameters("GetFunctionUrlConfigRequest", {**asked.parameters, "Qualifier": named.qualifier})
    function = asked.functions.get(named.name)
    if function is None:
        raise ResourceNotFoundException(complaint) if complaint else resource_missing()
    return function, named.qualifier or LATEST


def _check_alias(function: Function, qualifier: str) -> None:
    if qualifier != LATEST and qualifier not in function.aliases:
        raise ResourceNotFoundException(NO_FUNCTION)


def _url(function: Function, qualifier: str) -> FunctionUrl:
    url = function.urls.get(qualifier)
    if url is None:
        raise resource_missing()
    return url


def _with(function: Function, qualifier: str, url: FunctionUrl) -> Function:
    return structs.replace(function, urls={**function.urls, qualifier: url})


def _arn(function: Function, qualifier: str) -> str:
    return function.arn(None if qualifier == LATEST else qualifier)


def _shown(asked: Asked, function: Function, qualifier: str, url: FunctionUrl) -> dict[str, Any]:
    """A URL as the answer to a change shows it: with what callers have given, and nothing for the rest."""
    return {
        "FunctionUrl": asked.url(url.id),
        "FunctionArn": _arn(function, qualifier),
        "AuthType": url.auth_type,
        "Cors": url.cors,
        "CreationTime": url.created,
        "InvokeMode": url.invoke_mode,
    }


def _read(asked: Asked, function: Function, qualifier: str, url: FunctionUrl) -> dict[str, Any]:
    """A URL as reads show it: with the default of the mode."""
    shown = _shown(asked, function, qualifier, url)
    return shown | {"InvokeMode": url.invoke_mode or DEFAULT_MODE, "LastModifiedTime": url.modified}
