"""Resource policies of layer versions: which accounts may use them (guide 2840)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from msgspec import structs

from runtime_api.service.arns import layer_arn
from runtime_api.service.errors import (
    PolicyLengthExceededException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from runtime_api.service.function_record import Policy, Statement

from . import Result
from .addressing import check_revision
from .layers import own_name, version_at
from .policies import POLICY_BYTES, plain_statement, policy_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.service.layer_record import Layer, LayerVersion

    from . import Asked

__all__ = ["add_layer_version_permission", "get_layer_version_policy", "remove_layer_version_permission"]

NO_POLICY = "No policy is associated with the given resource."
NOBODY = Policy("", ())


def add_layer_version_permission(asked: Asked) -> Result:
    """Let an account, an organization or everybody use a version."""
    layer, version = _version(asked)
    policy = version.policy or NOBODY
    name = asked.parameters["StatementId"]
    check_revision(asked.parameters.get("RevisionId"), policy.revision_id, "GetLayerPolicy")
    if any(statement.id == name for statement in policy.statements):
        raise ResourceConflictException(
            f"The statement id ({name}) provided already exists. Please provide a new statement id, or remove the "
            "existing statement."
        )
    statement = Statement(name, _statement(asked.parameters, layer.arn(version.number)))
    changed = Policy(next(asked.ids), (*policy.statements, statement))
    if len(policy_text(changed)) > POLICY_BYTES:
        raise PolicyLengthExceededException(f"The final policy size is bigger than the limit ({POLICY_BYTES}).")
    written = {"Statement": orjson.dumps(statement.document).decode(), "RevisionId": changed.revision_id}
    return Result(written, kept=_with(layer, version, changed))


def get_layer_version_policy(asked: Asked) -> Result:
    """Show who may use a version."""
    _, version = _version(asked)
    if version.policy is None:
        raise ResourceNotFoundException(NO_POLICY)
    return Result({"Policy": policy_text(version.policy), "RevisionId": version.policy.revision_id})


def remove_layer_version_permission(asked: Asked) -> Result:
    """Remove a statement."""
    layer, version = _version(asked)
    policy, name = version.policy, asked.parameters["StatementId"]
    if policy is None:
        raise ResourceNotFoundException(NO_POLICY)
    check_revision(asked.parameters.get("RevisionId"), policy.revision_id, "GetLayerPolicy")
    kept = tuple(statement for statement in policy.statements if statement.id != name)
    if len(kept) == len(policy.statements):
        raise ResourceNotFoundException(f"Statement {name} is not found in resource policy.")
    changed = Policy(next(asked.ids), kept) if kept else None
    return Result({}, kept=_with(layer, version, changed))


def _version(asked: Asked) -> tuple[Layer, LayerVersion]:
    named, number = own_name(asked), asked.parameters["VersionNumber"]
    try:
        return version_at(asked, named._replace(number=number))
    except ResourceNotFoundException:
        arn = layer_arn(asked.owner.region, asked.owner.account, named.name, number)
        raise ResourceNotFoundException(f"Layer version {arn} does not exist.") from None


def _statement(parameters: Mapping[str, Any], resource: str) -> dict[str, Any]:
    document = plain_statement(parameters, resource)
    if "OrganizationId" in parameters:
        document["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": parameters["OrganizationId"]}}
    return document


def _with(layer: Layer, version: LayerVersion, policy: Policy | None) -> Layer:
    changed = structs.replace(version, policy=policy)
    return structs.replace(layer, versions={**layer.versions, str(version.number): changed})
