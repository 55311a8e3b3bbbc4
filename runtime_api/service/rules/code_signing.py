"""Code signing configurations, and the functions that they are attached to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.service.code_signing_record import CodeSigningConfig
from runtime_api.service.errors import (
    CodeSigningConfigNotFoundException,
    ResourceConflictException,
    ResourceNotFoundException,
)

from . import Result, page
from .addressing import function_named
from .tags import check_tags

if TYPE_CHECKING:
    from . import Asked

__all__ = [
    "attachable",
    "create_code_signing_config",
    "delete_code_signing_config",
    "delete_function_code_signing_config",
    "get_code_signing_config",
    "get_function_code_signing_config",
    "list_code_signing_configs",
    "list_functions_by_code_signing_config",
    "put_function_code_signing_config",
    "update_code_signing_config",
]

PAGE = 50
DIGITS = 17  # of an id, after its prefix


def create_code_signing_config(asked: Asked) -> Result:
    """Make a configuration; packages without a signature are let in with a warning unless it says otherwise."""
    parameters = asked.parameters
    config = CodeSigningConfig(
        f"csc-{next(asked.ids).replace('-', '')[:DIGITS]}",
        *asked.owner,
        tuple(parameters["AllowedPublishers"]["SigningProfileVersionArns"]),
        parameters.get("CodeSigningPolicies", {}).get("UntrustedArtifactOnDeployment", "Warn"),
        parameters.get("Description", ""),
        asked.now,
        check_tags(parameters.get("Tags", {})),
    )
    return Result({"CodeSigningConfig": _shown(config)}, kept=config)


def get_code_signing_config(asked: Asked) -> Result:
    """Show a configuration."""
    return Result({"CodeSigningConfig": _shown(_config(asked))})


def update_code_signing_config(asked: Asked) -> Result:
    """Change what the parameters name of a configuration."""
    config, parameters = _config(asked), asked.parameters
    publishers = parameters.get("AllowedPublishers", {}).get("SigningProfileVersionArns", config.publishers)
    changed = structs.replace(
        config,
        publishers=tuple(publishers),
        policy=parameters.get("CodeSigningPolicies", {}).get("UntrustedArtifactOnDeployment", config.policy),
        description=parameters.get("Description", config.description),
    )
    if changed != config:
        changed = structs.replace(changed, last_modified=asked.now)
    return Result({"CodeSigningConfig": _shown(changed)}, kept=changed)


def delete_code_signing_config(asked: Asked) -> Result:
    """Delete a configuration that is attached to no function."""
    config = _config(asked)
    if any(function.code_signing_config == config.name for function in asked.functions.values()):
        raise ResourceConflictException(f"The code signing configuration {config.name} is used by functions")
    return Result({}, dropped=config)


def list_code_signing_configs(asked: Asked) -> Result:
    """Show every configuration."""
    configs = sorted(asked.shelves.of(CodeSigningConfig).items())
    return page([(arn, _shown(config)) for arn, config in configs], asked.parameters, "CodeSigningConfigs", PAGE)


def list_functions_by_code_signing_config(asked: Asked) -> Result:
    """Show the ARNs of the functions that a configuration is attached to."""
    config = _config(asked)
    using = [each for each in sorted(asked.functions.items()) if each[1].code_signing_config == config.name]
    items = [(name, {"Arn": function.arn()}) for name, function in using]
    listed = page(items, asked.parameters, "FunctionArns", PAGE)
    return Result({**listed.document, "FunctionArns": [each["Arn"] for each in listed.document["FunctionArns"]]})


def put_function_code_signing_config(asked: Asked) -> Result:
    """Attach a configuration to a function."""
    arn = attachable(asked)
    function, _ = function_named(asked)
    attached = {"CodeSigningConfigArn": arn, "FunctionName": function.name}
    return Result(attached, structs.replace(function, code_signing_config=arn))


def get_function_code_signing_config(asked: Asked) -> Result:
    """Show which configuration is attached to a function; nothing, if none is."""
    function, _ = function_named(asked)
    if function.code_signing_config is None:
        return Result({})
    return Result({"CodeSigningConfigArn": function.code_signing_config, "FunctionName": function.name})


def delete_function_code_signing_config(asked: Asked) -> Result:
    """Detach the configuration of a function."""
    function, _ = function_named(asked)
    return Result({}, structs.replace(function, code_signing_config=None))


def attachable(asked: Asked) -> str:
    """Return the ARN of the configuration to attach; CodeSigningConfigNotFoundException if there is none."""
    arn: str = asked.parameters["CodeSigningConfigArn"]
    if arn not in asked.shelves.of(CodeSigningConfig):
        raise CodeSigningConfigNotFoundException(
            "The code signing configuration cannot be found. Check that the provided configuration is not deleted: "
            f"{arn}."
        )
    return arn


def _config(asked: Asked) -> CodeSigningConfig:
    arn = asked.parameters["CodeSigningConfigArn"]
    config = asked.shelves.of(CodeSigningConfig).get(arn)
    if config is None:
        missing = ResourceNotFoundException(f"The Lambda code signing configuration {arn} can not be found.")
        raise missing.without_fault()
    return config


def _shown(config: CodeSigningConfig) -> dict[str, Any]:
    return {
        "CodeSigningConfigId": config.id,
        "CodeSigningConfigArn": config.name,
        "Description": config.description,
        "AllowedPublishers": {"SigningProfileVersionArns": list(config.publishers)},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": config.policy},
        "LastModified": config.last_modified,
    }
