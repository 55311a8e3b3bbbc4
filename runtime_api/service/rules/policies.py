"""Resource policies of functions: who may invoke them, by version or alias."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
from msgspec import structs

from runtime_api.service.arns import LATEST
from runtime_api.service.errors import (
    InvalidParameterValueException,
    PolicyLengthExceededException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from runtime_api.service.function_record import Alias, Function, Policy, Statement, Version

from . import Result
from .addressing import check_revision, function_named, name_in, resource_missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from . import Asked

__all__ = ["POLICY_BYTES", "add_permission", "get_policy", "plain_statement", "policy_text", "remove_permission"]

POLICY_BYTES = 20_480  # guide 597
PRINCIPAL = re.compile(r"\*|\d{12}|arn:aws[\w-]*:(iam|sts)::\d{12}:.+|[\w.-]+\.(amazonaws\.com(\.cn)?|amazon\.com)")
# Parameters that become conditions: the operator and the key that Lambda writes for each.
CONDITIONS = {
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
}


def add_permission(asked: Asked) -> Result:
    """Add a statement to the policy of exactly the ARN that is named."""
    if name_in(asked).qualifier == LATEST:
        raise InvalidParameterValueException("We currently do not support adding policies for $LATEST.")
    if PRINCIPAL.fullmatch(asked.parameters["Principal"]) is None:
        raise InvalidParameterValueException(
            "The provided principal was invalid. Please check the principal and try again."
        )
    function, qualifier = _qualified(asked)
    policy = function.policies.get(qualifier, Policy("", ()))
    _check_policy_revision(asked, function, qualifier, policy)
    name = asked.parameters["StatementId"]
    if any(statement.id == name for statement in policy.statements):
        raise ResourceConflictException(
            f"The statement id ({name}) provided already exists. Please provide a new statement id, or remove the "
            "existing statement."
        )
    statement = Statement(name, _statement(asked.parameters, function.arn(qualifier or None)))
    changed = Policy(next(asked.ids), (*policy.statements, statement))
    if len(policy_text(changed)) > POLICY_BYTES:
        raise PolicyLengthExceededException(f"The final policy size is bigger than the limit ({POLICY_BYTES}).")
    shown = {"Statement": orjson.dumps(statement.document).decode()}
    return Result(shown, _with(asked, function, qualifier, changed))


def get_policy(asked: Asked) -> Result:
    """Show the policy of exactly the ARN that is named."""
    named = name_in(asked)
    function = asked.functions.get(named.name)
    policy = None if function is None else function.policies.get(_key(named.qualifier))
    if policy is None:
        raise resource_missing()
    return Result({"Policy": policy_text(policy), "RevisionId": policy.revision_id})


def remove_permission(asked: Asked) -> Result:
    """Remove a statement."""
    named = name_in(asked)
    if named.name not in asked.functions:
        raise ResourceNotFoundException(f"No policy found for: {_arn(asked, named.name)}")
    function, qualifier = _qualified(asked)
    policy = function.policies.get(qualifier)
    if policy is None:
        raise ResourceNotFoundException("No policy is associated with the given resource.")
    _check_policy_revision(asked, function, qualifier, policy)
    name = asked.parameters["StatementId"]
    kept = tuple(statement for statement in policy.statements if statement.id != name)
    if len(kept) == len(policy.statements):
        raise ResourceNotFoundException(f"Statement {name} is not found in resource policy.")
    return Result({}, _with(asked, function, qualifier, Policy(next(asked.ids), kept)))


def _qualified(asked: Asked) -> tuple[Function, str]:
    """The function, and the key of the policy for the version or alias that is named."""
    function, qualifier = function_named(asked)
    if qualifier is None or qualifier == LATEST:
        return function, ""
    if qualifier not in function.aliases and qualifier not in function.published:
        is_alias = re.fullmatch(r"(?!\d+$)[\w-]+", qualifier, re.ASCII)
        complaint = "Cannot find alias arn" if is_alias else "Function not found"
        raise ResourceNotFoundException(f"{complaint}: {function.arn(qualifier)}")
    return function, qualifier


def _check_policy_revision(asked: Asked, function: Function, qualifier: str, policy: Policy) -> None:
    """Raise PreconditionFailedException unless the caller's RevisionId, if any, is the policy's or its resource's."""
    given = asked.parameters.get("RevisionId")
    if given is not None and given != _resource(function, qualifier).revision_id:
        check_revision(given, policy.revision_id, "GetPolicy")


def _resource(function: Function, qualifier: str) -> Version | Alias:
    """What a policy is the policy of."""
    return function.aliases.get(qualifier) or function.version(qualifier or LATEST) or function.latest


def plain_statement(parameters: Mapping[str, Any], resource: str) -> dict[str, Any]:
    """Return a statement without conditions as Lambda writes it, in its order of members."""
    return {
        "Sid": parameters["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(parameters["Principal"]),
        "Action": parameters["Action"],
        "Resource": resource,
    }


def _statement(parameters: Mapping[str, Any], resource: str) -> dict[str, Any]:
    document = plain_statement(parameters, resource)
    conditions: dict[str, dict[str, Any]] = {}
    for name, (operator, key) in CONDITIONS.items():
        if name in parameters:
            value = parameters[name]
            conditions.setdefault(operator, {})[key] = str(value).lower() if isinstance(value, bool) else value
    return document | ({"Condition": conditions} if conditions else {})


def _principal(given: str) -> Any:
    """Return a principal as a statement has it."""
    if given == "*":
        return given
    if given.isdigit():
        return {"AWS": f"arn:aws:iam::{given}:root"}
    return {"AWS": given} if given.startswith("arn:") else {"Service": given}


def _with(asked: Asked, function: Function, qualifier: str, policy: Policy) -> Function:
    """The function with this policy, whose resource has a new revision."""
    resource = structs.replace(_resource(function, qualifier), revision_id=next(asked.ids))
    if isinstance(resource, Alias):
        function = structs.replace(function, aliases={**function.aliases, qualifier: resource})
    else:
        function = function.with_version(resource)
    kept = {each: found for each, found in function.policies.items() if each != qualifier}
    return structs.replace(function, policies=kept | ({qualifier: policy} if policy.statements else {}))


def policy_text(policy: Policy) -> str:
    """Return the policy as the document that Lambda shows."""
    statements = [statement.document for statement in policy.statements]
    return orjson.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements}).decode()


def _key(qualifier: str | None) -> str:
    return "" if qualifier in (None, LATEST) else str(qualifier)


def _arn(asked: Asked, name: str) -> str:
    return f"arn:aws:lambda:{asked.owner.region}:{asked.owner.account}:function:{name}"
