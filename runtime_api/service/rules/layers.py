"""Layers: published in versions, found by runtime, and deleted; and what functions may use of them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.service.arns import LayerName, layer_arn, parse_layer_name
from runtime_api.service.errors import (
    AccessDeniedException,
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from runtime_api.service.function_record import LayerUse
from runtime_api.service.layer_record import Layer, LayerVersion
from runtime_api.service.owners import Caller, Owner
from runtime_api.service.permissions import GET_LAYER, check_permission

from . import Result, page, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from . import Asked

__all__ = [
    "delete_layer_version",
    "get_layer_version",
    "get_layer_version_by_arn",
    "layer_uses",
    "list_layer_versions",
    "list_layers",
    "own_name",
    "publish_layer_version",
    "version_at",
]

PAGE = 50
MISSING = "The resource you requested does not exist."


def publish_layer_version(asked: Asked) -> Result:
    """Publish the next version of a layer, which is made with its first one."""
    name = own_name(asked).name
    if asked.uploaded is None:
        raise InvalidParameterValueException("Please provide a source for the layer's content.")
    layer = asked.shelves.of(Layer).get(name) or Layer(name, *asked.owner)
    version = LayerVersion(
        layer.next_number,
        asked.uploaded.code,
        asked.now,
        asked.parameters.get("Description", ""),
        asked.parameters.get("LicenseInfo"),
        tuple(asked.parameters.get("CompatibleRuntimes", ())),
        tuple(asked.parameters.get("CompatibleArchitectures", ())),
    )
    versions = {**layer.versions, str(version.number): version}
    changed = structs.replace(layer, versions=versions, next_number=version.number + 1)
    return Result(_whole(asked, changed, version), kept=changed)


def get_layer_version(asked: Asked) -> Result:
    """Show a version, with where its content can be fetched."""
    _check_number(asked.parameters["VersionNumber"])
    named = parse_layer_name(asked.parameters["LayerName"])._replace(number=asked.parameters["VersionNumber"])
    return Result(_whole(asked, *version_at(asked, named)))


def _check_number(number: int) -> None:
    if number < 1:
        raise InvalidParameterValueException("Layer Version Cannot be less than 1")


def get_layer_version_by_arn(asked: Asked) -> Result:
    """Show the version with this ARN."""
    return Result(_whole(asked, *version_at(asked, parse_layer_name(asked.parameters["Arn"]))))


def list_layers(asked: Asked) -> Result:
    """Show each layer with its latest version that fits."""
    return page(list(_latest(asked)), asked.parameters, "Layers", PAGE)


def _latest(asked: Asked) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, layer in sorted(asked.shelves.of(Layer).items()):
        fitting = [version for version in layer.versions.values() if _fits(version, asked.parameters)]
        if fitting:
            latest = _shown(layer, fitting[-1])
            yield name, {"LayerName": name, "LayerArn": layer.arn(), "LatestMatchingVersion": latest}


def list_layer_versions(asked: Asked) -> Result:
    """Show the versions of a layer that fit, the latest first."""
    layer = asked.shelves.of(Layer).get(own_name(asked).name)
    versions = [] if layer is None else list(layer.versions.values())
    items = [
        (f"{-version.number + 10**9:010}", _shown(layer, version))
        for version in reversed(versions)
        if layer is not None and _fits(version, asked.parameters)
    ]
    return page(items, asked.parameters, "LayerVersions", PAGE)


def delete_layer_version(asked: Asked) -> Result:
    """Delete a version: functions that use it keep it, no other one gets it."""
    _check_number(asked.parameters["VersionNumber"])
    layer = asked.shelves.of(Layer).get(own_name(asked).name)
    number = str(asked.parameters["VersionNumber"])
    if layer is None or number not in layer.versions:
        return Result({})
    kept = {each: version for each, version in layer.versions.items() if each != number}
    return Result({}, kept=structs.replace(layer, versions=kept))


def layer_uses(asked: Asked, arns: Sequence[str], kept: Sequence[LayerUse]) -> tuple[LayerUse, ...]:
    """Return what a function gets for these ARNs of layer versions; `kept`: what it has of layers already.

    InvalidParameterValueException when it cannot have them.
    """
    if len(arns) > asked.profile.limits.layers:
        raise InvalidParameterValueException(f"Cannot reference more than {asked.profile.limits.layers} layers.")
    names = [(arn, parse_layer_name(arn)) for arn in arns]
    for place, (arn, named) in enumerate(names):
        for other, before in names[:place]:
            if (before.name, before.account) == (named.name, named.account):
                raise InvalidParameterValueException(
                    "Two different versions of the same layer are not allowed to be referenced in the same function. "
                    f"{other} and {arn} are versions of the same layer."
                )
        if named.region != asked.owner.region:
            raise InvalidParameterValueException(
                "Layers are not in the same region as the function. Layers are expected to be in region "
                f"{asked.owner.region}."
            )
    had = {use.arn: use for use in kept}
    return tuple(had.get(arn) or _use(asked, arn, named) for arn, named in names)


def _use(asked: Asked, arn: str, named: LayerName) -> LayerUse:
    _, version = _readable(asked, named)
    if version is None:
        raise InvalidParameterValueException(f"Layer version {arn} does not exist.")
    return LayerUse(arn, version.code)


def version_at(asked: Asked, named: LayerName) -> tuple[Layer, LayerVersion]:
    """Return a layer and its version; ResourceNotFoundException if there is none.

    AccessDeniedException for one of another account that its policy does not share with this one.
    """
    layer, version = _readable(asked, named)
    if layer is None or version is None:
        raise ResourceNotFoundException(MISSING)
    return layer, version


def _readable(asked: Asked, named: LayerName) -> tuple[Layer | None, LayerVersion | None]:
    own = asked.owner
    owner = Owner(named.account or own.account, named.region or own.region)
    shelves = asked.shelves if owner == own else asked.elsewhere(owner)
    layer = shelves.of(Layer).get(named.name) if owner.region == own.region else None
    version = None if layer is None else layer.versions.get(str(named.number))
    policy = None if version is None else version.policy
    check_permission(
        policy, GET_LAYER, owner.account, layer_arn(owner.region, owner.account, *named[:2]), Caller(own)
    )
    return layer, version


def own_name(asked: Asked) -> LayerName:
    """Return the name that was given; what belongs to others can be read at most, and not by its plain name."""
    named, own = parse_layer_name(asked.parameters["LayerName"]), asked.owner
    if named.account not in (None, own.account):
        raise AccessDeniedException
    if named.region not in (None, own.region):
        raise ResourceNotFoundException(MISSING)
    return named


def _fits(version: LayerVersion, parameters: Mapping[str, Any]) -> bool:
    """Whether a version is for the runtime and the architecture that are asked for."""
    runtime, architecture = parameters.get("CompatibleRuntime"), parameters.get("CompatibleArchitecture")
    fits_runtime = runtime is None or runtime in version.runtimes
    return fits_runtime and (architecture is None or architecture in version.architectures)


def _shown(layer: Layer, version: LayerVersion) -> dict[str, Any]:
    """A version as lists show it."""
    return {
        "LayerVersionArn": layer.arn(version.number),
        "Version": version.number,
        "Description": version.description,
        "CreatedDate": version.created,
        "CompatibleRuntimes": list(version.runtimes),
        "CompatibleArchitectures": list(version.architectures) or None,
        "LicenseInfo": version.license_info,
    }


def _whole(asked: Asked, layer: Layer, version: LayerVersion) -> dict[str, Any]:
    digest = base64.b64encode(bytes.fromhex(version.code.sha256)).decode() or None
    content = {
        "CodeSha256": digest,
        "CodeSize": version.code.size,
        "Location": shown.location(asked, version.code),
    }
    return _shown(layer, version) | {"LayerArn": layer.arn(), "Content": content}
