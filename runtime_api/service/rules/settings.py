"""What CreateFunction and UpdateFunctionConfiguration may set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from msgspec import structs

from runtime_api.service.errors import InvalidParameterValueException
from runtime_api.service.function_record import Configuration
from runtime_api.service.runtimes import check_runtime, check_snap_start
from runtime_api.service.tenancy import check_alone
from runtime_api.service.variables import reserved_names

from .layers import layer_uses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.protocol.limits import Limits
    from runtime_api.service.function_record import Version

    from . import Asked

__all__ = ["changed", "check_change", "created"]

ENVIRONMENT = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided "
)
LEVELS = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
VPC = {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": False}
TOO_LARGE = "'{name}' value failed to satisfy constraint: Member must have value less than or equal to {most}"
NO_STEP = "'MemorySize' value failed to satisfy constraint: Member must be a multiple of {step}"
BOTH_OR_NONE = "SubnetIds and SecurityIds must coexist or be both empty list."
NEEDS_VPC = "Function must be configured to execute in a VPC to reference access point {arn}."
KEEPS_VPC = "Function VPC configuration cannot be removed with access point {arn} referenced."
NO_SNAPSHOTS = "SnapStart cannot be used with a function of a capacity provider (CapacityProviderConfig)"
SETTABLE = {field.encode_name: field.name for field in structs.fields(Configuration)}


def created(asked: Asked) -> Configuration:
    """Return the configuration of a new function."""
    parameters = asked.parameters
    if parameters.get("PackageType") == "Image":
        _check_image(parameters)
        return Configuration(**{"runtime": "", "handler": "", **_checked(asked, None)})
    if not parameters.get("Runtime") or not parameters.get("Handler"):
        raise InvalidParameterValueException(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
    return _consistent(Configuration(**_checked(asked, None)))


def changed(latest: Version, asked: Asked) -> Configuration:
    """Return the configuration of a version with what the parameters set; what they leave out stays."""
    configuration = latest.configuration
    if configuration.package_type == "Image":
        _check_image(asked.parameters)
    found = _checked(asked, configuration)
    check_change(latest, asked)
    return _consistent(structs.replace(configuration, **found))


def check_change(latest: Version, asked: Asked) -> None:
    """Raise InvalidParameterValueException when functions with this version's runtime are not changed any more.

    That of an image and that of a function of the command line are none of Lambda's.
    """
    is_package = latest.configuration.package_type == "Zip" and latest.code.reference
    if is_package and "Runtime" not in asked.parameters:
        check_runtime(latest.configuration.runtime, asked.profile.runtimes)


def _check_image(parameters: Mapping[str, Any]) -> None:
    if parameters.keys() & {"Runtime", "Handler", "Layers"}:
        raise InvalidParameterValueException(
            "Please don't provide handler or runtime or layer when the intended function PackageType is Image."
        )


def _consistent(configuration: Configuration) -> Configuration:
    """Raise InvalidParameterValueException for settings that do not go together."""
    _check_file_systems(configuration)
    if configuration.snap_start["ApplyOn"] != "None":
        check_alone(configuration, "SnapStart")
        if configuration.capacity_provider_config is not None:
            raise InvalidParameterValueException(NO_SNAPSHOTS)
    return configuration


def _check_file_systems(configuration: Configuration) -> None:
    """Raise InvalidParameterValueException for a file system of a function that has no network to reach it."""
    if configuration.file_system_configs and not (configuration.vpc_config or {}).get("SubnetIds"):
        removed = configuration.vpc_config is not None  # a VPC that was never given is not there
        text = KEEPS_VPC if removed else NEEDS_VPC
        raise InvalidParameterValueException(text.format(arn=configuration.file_system_configs[0]["Arn"]))


def _checked(asked: Asked, before: Configuration | None) -> dict[str, Any]:
    """The settings among the parameters, by field; `before`: what the function has already."""
    found = {SETTABLE[name]: value for name, value in asked.parameters.items() if name in SETTABLE}
    if "runtime" in found:
        check_runtime(found["runtime"], asked.profile.runtimes)
    _check_sizes(found, asked.profile.limits)
    if "ImageConfig" in asked.parameters:
        found["image_config_response"] = {"ImageConfig": dict(asked.parameters["ImageConfig"])}
    if "environment" in found:
        found["environment"] = {"Variables": _variables(asked, found["environment"].get("Variables", {}))}
    if "vpc_config" in found:
        found["vpc_config"] = _vpc(found["vpc_config"])
    if "tracing_config" in found:
        found["tracing_config"] = {"Mode": "PassThrough"} | found["tracing_config"]
    if "dead_letter_config" in found and not found["dead_letter_config"].get("TargetArn"):
        found["dead_letter_config"] = None
    if "layers" in found:
        found["layers"] = layer_uses(asked, found["layers"], () if before is None else before.layers)
    if found.get("snap_start", {}).get("ApplyOn") == "PublishedVersions":
        check_snap_start(found.get("runtime", "" if before is None else before.runtime))
    if "logging_config" in found:
        found["logging_config"] = _logging(found["logging_config"], {} if before is None else before.logging_config)
    for name in ("architectures", "file_system_configs"):
        if name in found:
            found[name] = tuple(found[name])
    return found


def _check_sizes(found: Mapping[str, Any], limits: Limits) -> None:
    """Raise InvalidParameterValueException for a number that the model allows, but not the profile."""
    sizes = (
        ("MemorySize", found.get("memory_size", 0), limits.memory_max_mb),
        ("Timeout", found.get("timeout", 0), limits.timeout_max_ms // 1000),
        ("EphemeralStorage", found.get("ephemeral_storage", {}).get("Size", 0), limits.tmp_max_mb),
    )
    for name, value, most in sizes:
        if value > most:
            raise InvalidParameterValueException(TOO_LARGE.format(name=name, most=most))
    if found.get("memory_size", 0) % limits.memory_step_mb:
        raise InvalidParameterValueException(NO_STEP.format(step=limits.memory_step_mb))


def _variables(asked: Asked, variables: Mapping[str, str]) -> dict[str, str]:
    reserved = sorted(reserved_names() & variables.keys())
    if reserved:
        raise InvalidParameterValueException(
            f"{ENVIRONMENT}contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = orjson.dumps(dict(variables))
    if len(measured) > asked.profile.limits.variables_bytes:
        raise InvalidParameterValueException(
            f"{ENVIRONMENT}exceeded the 4KB limit. String measured: {measured.decode()}"
        )
    return dict(variables)


def _logging(given: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """How the log is kept, from now on: levels belong to JSON, and are INFO unless they are given."""
    merged = {**before, **given}
    if merged.get("LogFormat") == "JSON":
        return LEVELS | merged
    if LEVELS.keys() & given.keys():
        raise InvalidParameterValueException(
            'Log level is not supported when LogFormat is set to "Text". Remove log level from your request or '
            'change the LogFormat to "JSON" and try again.'
        )
    return {name: value for name, value in merged.items() if name not in LEVELS}


def _vpc(given: Mapping[str, Any]) -> dict[str, Any]:
    """A VPC configuration as it is shown: here there is no network that it could name."""
    shown = VPC | dict(given)
    if bool(shown["SubnetIds"]) != bool(shown["SecurityGroupIds"]):
        raise InvalidParameterValueException(BOTH_OR_NONE)
    return shown | {"VpcId": "vpc-00000000" if shown["SubnetIds"] else ""}
