"""Signatures for requests to a running server: they say which account and region is meant, and may be asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.service.owners import DEFAULT_OWNER
from runtime_api.service.signatures import Scope, SignedRequest, sign

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Signer", "signer_of"]

ANY_KEY = "bootjack"  # where there is none: a server that does not verify takes any


class Signer(NamedTuple):
    """A key, and where it signs for."""

    key: str
    secret: str
    region: str

    def headers(self, method: str, host: str, target: str, body: bytes, service: str) -> dict[str, str]:
        """Return the headers that make this request a signed one; `host` as the request names it."""
        time = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        path, _, query = target.encode().partition(b"?")
        headers = {b"host": host.encode(), b"x-amz-date": time.encode()}
        request = SignedRequest(method.encode(), path, query, headers, body)
        scope = Scope(time[:8], self.region, service)
        return {"X-Amz-Date": time, "Authorization": sign(request, self.key, self.secret, scope, time)}


def signer_of(variables: Mapping[str, str], region: str | None) -> Signer | None:
    """Return the signer that environment variables stand for, as the aws CLI reads them; None if there are none."""
    region = region or variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or None
    key, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return Signer(key, secret, region or DEFAULT_OWNER.region)
    return None if region is None else Signer(ANY_KEY, ANY_KEY, region)
