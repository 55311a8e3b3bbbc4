"""Whether a resource policy lets a caller do what it asks for (guide 695-802, 2432-2442, 2840-2857)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import AccessDeniedException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .function_record import Policy
    from .owners import Caller

__all__ = ["GET_LAYER", "INVOKE", "NO_SOURCE", "Source", "check_permission", "is_allowed", "opens_url"]

INVOKE = "lambda:InvokeFunction"
INVOKE_URL = "lambda:InvokeFunctionUrl"
GET_LAYER = "lambda:GetLayerVersion"
OPEN = {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
_ACCOUNT = re.compile(r"arn:aws[\w-]*:(?:iam|sts)::(\d{12}):.+")


class Source(NamedTuple):
    """What a service of AWS's says it invokes a function for."""

    arn: str = ""
    account: str = ""


NO_SOURCE = Source()


def check_permission(
    policy: Policy | None, action: str, account: str, arn: str, caller: Caller, source: Source | None = None
) -> None:
    """Raise AccessDeniedException unless a caller may do this to the `arn` of `account`, which has this policy."""
    if is_allowed(policy, action, account, caller, source or NO_SOURCE):
        return
    user = caller.service or f"arn:aws:iam::{caller.owner.account}:root"
    raise AccessDeniedException(
        f"User: {user} is not authorized to perform: {action} on resource: {arn} because no resource-based policy "
        f"allows the {action} action"
    )


def is_allowed(policy: Policy | None, action: str, account: str, caller: Caller, source: Source = NO_SOURCE) -> bool:
    """Whether a caller may do this to what `account` has under the ARN that this is the policy of."""
    if not caller.service and caller.owner.account == account:
        return True
    statements = () if policy is None else policy.statements
    return any(_allows(statement.document, action, caller, source) for statement in statements)


def opens_url(policy: Policy | None) -> bool:
    """Whether anybody may use the function URL of AuthType NONE for the ARN that this is the policy of."""
    documents = () if policy is None else [statement.document for statement in policy.statements]
    return any(
        document["Action"] in (INVOKE_URL, "lambda:*", "*")
        and document["Principal"] == "*"
        and document.get("Condition", OPEN) == OPEN
        for document in documents
    )


def _allows(statement: Mapping[str, Any], action: str, caller: Caller, source: Source) -> bool:
    return (
        statement["Action"] in (action, "lambda:*", "*")
        and _is_meant(statement["Principal"], caller)
        and all(
            _holds(operator, key, value, source)
            for operator, keys in statement.get("Condition", {}).items()
            for key, value in keys.items()
        )
    )


def _is_meant(principal: Any, caller: Caller) -> bool:
    """Whether a principal is the caller; an account has no users here, so that each of them stands for it."""
    if principal == "*":
        return True
    if caller.service:
        return bool(principal.get("Service") == caller.service)
    found = _ACCOUNT.fullmatch(principal.get("AWS", ""))
    return found is not None and found[1] == caller.owner.account


def _holds(operator: str, key: str, value: str, source: Source) -> bool:
    """Whether a condition holds; one about what callers cannot show here does not."""
    match operator, key:
        case "ArnLike", "AWS:SourceArn":
            return _is_like(source.arn, value)
        case "StringEquals", "AWS:SourceAccount":
            return source.account == value
        case "Bool", "lambda:InvokedViaFunctionUrl":
            return value == "false"
        case _:
            return False


def _is_like(arn: str, pattern: str) -> bool:
    """Compare part by part: `*` stands for anything in one of the six parts of an ARN, `?` for one character."""
    parts, patterns = arn.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(
        re.fullmatch(re.escape(wanted).replace(r"\*", ".*").replace(r"\?", "."), part, re.DOTALL)
        for part, wanted in zip(parts, patterns, strict=True)
    )
