"""Whose functions a request is about: the account and the region that its signature names."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["DEFAULT_OWNER", "Caller", "Owner", "caller_of"]

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d", re.ASCII)
_SERVICE = re.compile(r"[a-z][a-z0-9.-]*\.amazonaws\.com(?:\.cn)?", re.ASCII)


class Owner(NamedTuple):
    """Whose functions a request is about."""

    account: str
    region: str


DEFAULT_OWNER = Owner("123456789012", "us-east-1")


class Caller(NamedTuple):
    """Who sends a signed request, and to which account and region."""

    owner: Owner
    service: str = ""  # the principal of a service of AWS's, for a caller that plays one


def caller_of(credential: str, default: Owner = DEFAULT_OWNER) -> Caller | None:
    """Return whom a signature's credential names: `KEY/DATE/REGION/SERVICE/aws4_request`; None for anything else.

    A key of 12 digits is an account, and one that is a service's principal is that service; any other key belongs to
    the account of `default`.
    """
    parts = credential.split("/")
    if len(parts) != 5 or _REGION.fullmatch(parts[2]) is None:
        return None
    key, region = parts[0], parts[2]
    account = key if _ACCOUNT.fullmatch(key) else default.account
    return Caller(Owner(account, region), key if _SERVICE.fullmatch(key) else "")
