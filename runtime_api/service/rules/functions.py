"""Functions: created, looked at, changed and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.service.arns import LATEST
from runtime_api.service.errors import InvalidParameterValueException, ResourceConflictException
from runtime_api.service.function_record import Function, LastUpdate, State, Version

from . import Result, page, settings, shown
from .addressing import check_revision, function_named, name_in, not_found, version_named
from .code_signing import attachable
from .provisioned import without
from .tags import check_tags
from .versions import publish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime_api.service.function_record import Configuration

    from . import Asked, Uploaded

__all__ = [
    "create_function",
    "delete_function",
    "get_function",
    "get_function_configuration",
    "list_functions",
    "settled",
    "update_function_code",
    "update_function_configuration",
]

NAME_LENGTH = 64
PAGE = 50
BUSY = "The operation cannot be performed at this time. "


def create_function(asked: Asked) -> Result:
    """Make a function, and publish version 1 of it where Publish says so."""
    named = name_in(asked)
    if len(named.name) > NAME_LENGTH:
        raise InvalidParameterValueException(
            f"1 validation error detected: Value '{named.name}' at 'functionName' failed to satisfy constraint: "
            f"Member must have length less than or equal to {NAME_LENGTH}"
        )
    configuration = settings.created(asked)
    _check_kind(configuration, asked.uploaded, "creating")
    tags = check_tags(asked.parameters.get("Tags", {}))
    there = asked.functions.get(named.name)
    if there is not None and there.owner == asked.owner:  # a function of everybody's gives way to an own one
        raise ResourceConflictException(f"Function already exist: {named.name}")
    signing = attachable(asked) if "CodeSigningConfigArn" in asked.parameters else None
    latest = Version(LATEST, configuration, _code(asked.uploaded), next(asked.ids), asked.now)
    number = asked.next_numbers.get(named.name, 1)
    function = Function(named.name, *asked.owner, latest, next_number=number, tags=tags, code_signing_config=signing)
    if not asked.parameters.get("Publish"):
        return Result(shown.full(function, latest), function)
    function, version = publish(function, asked, configuration.description)
    # Lambda gives the function's own ARN here, and the published version's number.
    return Result(shown.full(function, version) | {"FunctionArn": function.arn()}, function)


def get_function(asked: Asked) -> Result:
    """Show a version with its tags, its share of concurrency, and where its package can be fetched."""
    function, version, qualifier = version_named(asked)
    document: dict[str, Any] = {"Configuration": shown.full(function, version, qualifier)}
    if version.code.reference:
        document["Code"] = shown.source(asked, version.code)
    if function.tags:
        document["Tags"] = function.tags
    if function.reserved_concurrency is not None:
        document["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return Result(document)


def get_function_configuration(asked: Asked) -> Result:
    """Show a version's configuration."""
    function, version, qualifier = version_named(asked)
    return Result(shown.full(function, version, qualifier))


def list_functions(asked: Asked) -> Result:
    """Show $LATEST of each function; every version where FunctionVersion is ALL."""
    return page(list(_listed(asked)), asked.parameters, "Functions", PAGE, lambda item: shown.listed(*item))


def _listed(asked: Asked) -> Iterator[tuple[str, tuple[Function, Version, str | None]]]:
    everything = asked.parameters.get("FunctionVersion") == "ALL"
    for name in sorted(asked.functions):
        function = asked.functions[name]
        if not everything:
            yield name, (function, function.latest, None)
            continue
        for place, version in enumerate(function.versions()):
            # A name has no character before "!", so versions stand behind their function and before the next one.
            yield f"{name}!{place:09}", (function, version, version.number)


def delete_function(asked: Asked) -> Result:
    """Delete a function with all of its versions, or one version of it."""
    named = name_in(asked)
    if named.qualifier == LATEST:
        raise InvalidParameterValueException("$LATEST version cannot be deleted without deleting the function.")
    if named.qualifier is not None and not named.qualifier.isdigit():
        raise InvalidParameterValueException("Deletion of aliases is not currently supported.")
    function = asked.functions.get(named.name)
    if function is None:
        raise not_found(asked, named._replace(qualifier=None))
    gone = {"StatusCode": 204}
    if named.qualifier is None:
        return Result(gone, removed=function)
    pointing = [
        alias.name for alias in function.aliases.values() if named.qualifier in (alias.version, *alias.weights)
    ]
    if pointing:
        raise ResourceConflictException(
            f"Unable to delete version because the following aliases reference it: [{', '.join(pointing)}]"
        )
    published = {number: each for number, each in function.published.items() if number != named.qualifier}
    return Result(gone, structs.replace(without(function, named.qualifier), published=published))


def update_function_code(asked: Asked) -> Result:
    """Change the code of $LATEST, and publish it where Publish says so."""
    function, _ = function_named(asked)
    check_revision(asked.parameters.get("RevisionId"), function.latest.revision_id)
    _check_at_rest(function)
    configuration = function.latest.configuration
    settings.check_change(function.latest, asked)
    _check_kind(configuration, asked.uploaded, "updating")
    if "Architectures" in asked.parameters:
        configuration = structs.replace(configuration, architectures=tuple(asked.parameters["Architectures"]))
    changed = _updated(function, asked, configuration, asked.uploaded)
    if asked.parameters.get("DryRun"):
        return Result(shown.full(changed, changed.latest))
    if not asked.parameters.get("Publish"):
        return Result(shown.full(changed, changed.latest), changed)
    changed, version = publish(changed, asked, configuration.description)
    return Result(shown.full(changed, version), changed)


def update_function_configuration(asked: Asked) -> Result:
    """Change the configuration of $LATEST."""
    function, _ = function_named(asked)
    check_revision(asked.parameters.get("RevisionId"), function.latest.revision_id)
    _check_at_rest(function)
    changed = _updated(function, asked, settings.changed(function.latest, asked), None)
    return Result(shown.full(changed, changed.latest), changed)


def settled(function: Function, ids: Iterator[str]) -> Function:
    """Return a function whose versions have become what they were about to be."""
    for version in tuple(function.versions()):
        if version.state is State.PENDING or version.last_update is LastUpdate.IN_PROGRESS:
            ready = structs.replace(
                version, state=State.ACTIVE, last_update=LastUpdate.SUCCESSFUL, revision_id=next(ids)
            )
            function = function.with_version(ready)
    return function


def _updated(function: Function, asked: Asked, configuration: Configuration, uploaded: Uploaded | None) -> Function:
    latest = structs.replace(
        function.latest,
        configuration=configuration,
        code=function.latest.code if uploaded is None else uploaded.code,
        revision_id=next(asked.ids),
        last_modified=asked.now,
        last_update=LastUpdate.IN_PROGRESS,
    )
    return structs.replace(function, latest=latest)


def _check_at_rest(function: Function) -> None:
    """Raise ResourceConflictException while a function is being created or changed."""
    if function.latest.state is State.PENDING:
        raise ResourceConflictException(f"{BUSY}The function is currently in the following state: Pending")
    if function.latest.last_update is LastUpdate.IN_PROGRESS:
        raise ResourceConflictException(f"{BUSY}An update is in progress for resource: {function.arn()}")


def _check_kind(configuration: Configuration, uploaded: Uploaded | None, doing: str) -> None:
    """Raise InvalidParameterValueException where a package is given for an image, or the other way round."""
    if configuration.package_type == "Image" and (uploaded is None or not uploaded.code.image):
        raise InvalidParameterValueException(
            f"Please provide ImageUri when {doing} a function with packageType Image."
        )
    if configuration.package_type == "Zip" and uploaded is not None and uploaded.code.image:
        raise InvalidParameterValueException(
            f"Please don't provide ImageUri when {doing} a function with packageType Zip."
        )


def _code(uploaded: Uploaded | None) -> Any:
    if uploaded is None:
        raise InvalidParameterValueException("Please provide a source for function code.")
    return uploaded.code
