"""Versions: published from $LATEST, numbered, and never changed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from runtime_api.service.errors import InvalidParameterValueException
from runtime_api.service.function_record import Function, LastUpdate, State, Version

from . import Result, page, shown
from .addressing import check_revision, function_named

if TYPE_CHECKING:
    from . import Asked

__all__ = ["list_versions_by_function", "publish", "publish_version"]

PAGE = 50


def publish_version(asked: Asked) -> Result:
    """Publish $LATEST; where nothing has changed since the last publication, that version is the answer."""
    function, _ = function_named(asked)
    check_revision(asked.parameters.get("RevisionId"), function.latest.revision_id)
    given = asked.parameters.get("CodeSha256")
    current = shown.listed(function, function.latest).get("CodeSha256")
    if given is not None and given != current:
        raise InvalidParameterValueException(
            f"CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({current}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    description = asked.parameters.get("Description", function.latest.configuration.description)
    changed, version = publish(function, asked, description)
    return Result(shown.full(changed, version), None if changed == function else changed)


def publish(function: Function, asked: Asked, description: str) -> tuple[Function, Version]:
    """Return the function with a new version, and that version; or with the last one, if that is the same."""
    latest = function.latest
    last = next(reversed(function.published.values()), None)
    configuration = structs.replace(latest.configuration, description=description)
    if last is not None and _is_published(latest, last):
        return function, last
    # Published together with a creation or a change, it becomes active with it.
    at_rest = latest.state is State.ACTIVE and latest.last_update is LastUpdate.SUCCESSFUL
    version = structs.replace(
        latest,
        number=str(function.next_number),
        configuration=configuration,
        revision_id=next(asked.ids),
        state=State.ACTIVE if at_rest else State.PENDING,
        source_description=latest.configuration.description,
    )
    changed = structs.replace(
        function,
        latest=structs.replace(latest, revision_id=next(asked.ids)),
        published={**function.published, version.number: version},
        next_number=function.next_number + 1,
    )
    return changed, version


def _is_published(latest: Version, last: Version) -> bool:
    """Whether $LATEST is as it was when the last version was published from it."""
    source = structs.replace(last.configuration, description=last.source_description)
    return last.code == latest.code and source == latest.configuration


def list_versions_by_function(asked: Asked) -> Result:
    """Show $LATEST and every published version, in order."""
    function, _ = function_named(asked)
    items = [
        (f"{place:09}", shown.listed(function, version, version.number))
        for place, version in enumerate(function.versions())
    ]
    return page(items, asked.parameters, "Versions", PAGE)
