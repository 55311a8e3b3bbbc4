"""A version's configuration as Lambda shows it."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from runtime_api.service.arns import LATEST
from runtime_api.service.function_record import LastUpdate, State, has_snapshot
from runtime_api.service.runtime_versions import runtime_version_arn

if TYPE_CHECKING:
    from runtime_api.service.function_record import Code, Configuration, Function, Version

    from . import Asked

__all__ = ["full", "listed", "location", "source"]

CREATING = "The function is being created."


def full(function: Function, version: Version, qualifier: str | None = None) -> dict[str, Any]:
    """Return the configuration with its states, under the ARN that the caller has asked for."""
    return _document(function, version, qualifier) | _runtime_version(function, version) | _states(version)


def listed(function: Function, version: Version, qualifier: str | None = None) -> dict[str, Any]:
    """Return the configuration as lists show it: without its states."""
    return _document(function, version, qualifier)


def location(asked: Asked, code: Code) -> str:
    """Return where the code can be fetched: a link to a package, or the URL of a directory on this machine."""
    return f"file://{code.directory}" if code.directory else asked.link(code.sha256)


def _document(function: Function, version: Version, qualifier: str | None) -> dict[str, Any]:
    shown = {name: value for name, value in to_builtins(version.configuration).items() if value is not None}
    if version.code.image:
        del shown["Runtime"], shown["Handler"]
    shown |= {
        "FunctionName": function.name,
        "FunctionArn": function.arn(qualifier if version.number == LATEST else qualifier or version.number),
        "Version": version.number,
        "CodeSha256": _code_sha256(version.code),
        "CodeSize": version.code.size,
        "LastModified": version.last_modified,
        "RevisionId": version.revision_id,
        "LoggingConfig": _logging(function, version.configuration),
        "SnapStart": version.configuration.snap_start | {"OptimizationStatus": _optimisation(version)},
        "Layers": [{"Arn": use.arn, "CodeSize": use.code.size} for use in version.configuration.layers] or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _code_sha256(code: Code) -> str | None:
    """In base64 for a package, in hexadecimal digits for an image; a directory has none."""
    return code.digest if code.image else base64.b64encode(bytes.fromhex(code.sha256)).decode() or None


def source(asked: Asked, code: Code) -> dict[str, str]:
    """Return where the code of a version comes from."""
    if not code.image:
        return {"RepositoryType": "S3", "Location": location(asked, code)}
    repository = re.sub(r"[:@][^/]*$", "", code.image)
    return {"RepositoryType": "ECR", "ImageUri": code.image, "ResolvedImageUri": f"{repository}@sha256:{code.digest}"}


def _runtime_version(function: Function, version: Version) -> dict[str, Any]:
    """Lambda names the build of the runtime; here there is one for each runtime, this machine's. Images have none."""
    if version.code.image:
        return {}
    arn = runtime_version_arn(function.region, version.configuration.runtime)
    return {"RuntimeVersionConfig": {"RuntimeVersionArn": arn}}


def _logging(function: Function, configuration: Configuration) -> dict[str, str]:
    defaults = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.name}"}
    return defaults | configuration.logging_config


def _optimisation(version: Version) -> str:
    """Whether a snapshot has been made: only of published versions that ask for one."""
    return "On" if has_snapshot(version) else "Off"


def _states(version: Version) -> dict[str, Any]:
    if version.state is State.PENDING:
        return {"State": version.state, "StateReason": CREATING, "StateReasonCode": "Creating"}
    if version.last_update is LastUpdate.IN_PROGRESS:
        reason = {"LastUpdateStatusReason": CREATING, "LastUpdateStatusReasonCode": "Creating"}
        return {"State": version.state, "LastUpdateStatus": version.last_update, **reason}
    return {"State": version.state, "LastUpdateStatus": version.last_update}
