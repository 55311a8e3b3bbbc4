"""What CreateFunction and UpdateFunctionConfiguration may set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from msgspec import structs

from runtime_api.service.errors import InvalidParameterValueException
from runtime_api.service.function_record import Configuration
from runtime_api.service.runtimes import check_runtime
from runtime_api.service.variables import reserved_names

from .layers import layer_uses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runtime_api.service.function_record import LayerUse

    from . import Asked

__all__ = ["changed", "created"]

VARIABLES_BYTES = 4096
ENVIRONMENT = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided "
)
VPC = {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": False}
SETTABLE = {field.encode_name: field.name for field in structs.fields(Configuration)}


def created(asked: Asked) -> Configuration:
    """Return the configuration of a new function."""
    parameters = asked.parameters
    if parameters.get("PackageType", "Zip") != "Zip":
        raise InvalidParameterValueException("Functions of package type Image cannot be run here: give a Zip package")
    if not parameters.get("Runtime") or not parameters.get("Handler"):
        raise InvalidParameterValueException(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
    return Configuration(**_checked(asked, ()))


def changed(configuration: Configuration, asked: Asked) -> Configuration:
    """Return a configuration with what the parameters set; what they leave out stays."""
    return structs.replace(configuration, **_checked(asked, configuration.layers))


def _checked(asked: Asked, layers: Sequence[LayerUse]) -> dict[str, Any]:
    """The settings among the parameters, by field; `layers`: what the function has of them already."""
    found = {SETTABLE[name]: value for name, value in asked.parameters.items() if name in SETTABLE}
    if "runtime" in found:
        check_runtime(found["runtime"])
    if "environment" in found:
        found["environment"] = {"Variables": _variables(found["environment"].get("Variables", {}))}
    if "vpc_config" in found:
        found["vpc_config"] = _vpc(found["vpc_config"])
    if "layers" in found:
        found["layers"] = layer_uses(asked, found["layers"], layers)
    for name in ("architectures", "file_system_configs"):
        if name in found:
            found[name] = tuple(found[name])
    return found


def _variables(variables: Mapping[str, str]) -> dict[str, str]:
    reserved = sorted(reserved_names() & variables.keys())
    if reserved:
        raise InvalidParameterValueException(
            f"{ENVIRONMENT}contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = orjson.dumps(dict(variables))
    if len(measured) > VARIABLES_BYTES:
        raise InvalidParameterValueException(
            f"{ENVIRONMENT}exceeded the 4KB limit. String measured: {measured.decode()}"
        )
    return dict(variables)


def _vpc(given: Mapping[str, Any]) -> dict[str, Any]:
    """A VPC configuration as it is shown: here there is no network that it could name."""
    shown = VPC | dict(given)
    return shown | {"VpcId": "vpc-00000000" if shown["SubnetIds"] else ""}
