"""Who has signed a request, by Signature Version 4. The signature itself is not looked at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from .messages import HttpRequest

__all__ = ["signer"]

_HEADER = re.compile(r"AWS4-[A-Z0-9-]+ .*\bCredential=([^/,\s]+)/.*\bSignature=[0-9a-fA-F]+", re.DOTALL)
_ACCOUNT = re.compile(r"[0-9]{12}")


def signer(request: HttpRequest, account: str) -> dict[str, Any] | None:
    """Return what an event says about the signer of a request; None when nobody has signed it.

    An access key of 12 digits is the number of an account, as in the rest of this service; any other one belongs to
    `account`.
    """
    key = _access_key(request)
    if key is None:
        return None
    owner = key if _ACCOUNT.fullmatch(key) else account
    return {
        "accessKey": key,
        "accountId": owner,
        "callerId": key,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{owner}:root",
        "userId": key,
    }


def _access_key(request: HttpRequest) -> str | None:
    found = _HEADER.fullmatch(request.value("authorization") or "")
    if found is not None:
        return found[1]
    query = parse_qs(request.query)
    if "X-Amz-Signature" not in query:
        return None
    return query.get("X-Amz-Credential", [""])[0].partition("/")[0] or None
