"""Whether the signature of a request is good: read, compared, and within its time."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnrecognizedClientException,
)
from .signatures import ALGORITHM, Scope, Signed, canonical_request, signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .signatures import SignedRequest

__all__ = ["check_signature"]

SERVICE = "lambda"
SERVICES = (SERVICE, "logs")  # those that a server of this program answers for
SKEW = timedelta(minutes=5)  # between the caller's clock and this machine's
MOST_EXPIRES_S = 604_800  # a week
FORM = "%Y%m%dT%H%M%SZ"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_PARTS = {"Credential": "Credential", "Signature": "Signature", "SignedHeaders": "SignedHeaders"}
_PRESIGNED = {
    "Credential": "X-Amz-Credential",
    "Signature": "X-Amz-Signature",
    "SignedHeaders": "X-Amz-SignedHeaders",
    "Date": "X-Amz-Date",
    "Expires": "X-Amz-Expires",
}


def check_signature(
    request: SignedRequest, query: Mapping[str, list[str]], keys: Mapping[str, str], now: datetime
) -> None:
    """Return if a request is signed with one of `keys`, secrets by their ids, and not too long ago.

    `query` is the request's, decoded. Raises the ServiceError with which AWS refuses it.
    """
    signed = _read(request, query)
    if signed.scope.service not in SERVICES:
        raise InvalidSignatureException(f"Credential should be scoped to correct service: '{SERVICE}'. ")
    if "host" not in signed.headers:
        raise InvalidSignatureException("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    _check_time(signed, now)
    secret = keys.get(signed.key)
    if secret is None:
        raise UnrecognizedClientException("The security token included in the request is invalid.")
    expected = signature(secret, signed.scope, signed.time, canonical_request(request, signed.headers))
    if not hmac.compare_digest(expected.encode(), signed.signature.encode()):
        raise InvalidSignatureException(MISMATCH)


def _read(request: SignedRequest, query: Mapping[str, list[str]]) -> Signed:
    authorization = request.headers.get(b"authorization")
    if authorization is not None:
        return _in_header(authorization.decode("latin-1"), request.headers)
    if "X-Amz-Algorithm" in query or "X-Amz-Signature" in query:
        return _in_query(query)
    raise MissingAuthenticationTokenException("Missing Authentication Token")


def _in_header(authorization: str, headers: Mapping[bytes, bytes]) -> Signed:
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise IncompleteSignatureException(f"Unsupported AWS 'algorithm': '{algorithm}'.")
    found = dict(re.findall(r"([A-Za-z]+)=([^,\s]*)", rest))
    missing = [f"Authorization header requires '{part}' parameter." for part in _PARTS if not found.get(part)]
    time = headers.get(b"x-amz-date", b"").decode("latin-1")
    if not time:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        raise IncompleteSignatureException(f"{' '.join(missing)} Authorization={algorithm}")
    return _signed(found.__getitem__, time)


def _in_query(query: Mapping[str, list[str]]) -> Signed:
    found = {part: query.get(name, [""])[0] for part, name in _PRESIGNED.items()}
    missing = [f"AWS query-string parameters must include '{_PRESIGNED[part]}'." for part in found if not found[part]]
    if query.get("X-Amz-Algorithm", [""])[0] != ALGORITHM:
        missing.append("AWS query-string parameters must include 'X-Amz-Algorithm'.")
    if missing:
        raise IncompleteSignatureException(f"{' '.join(missing)} Re-examine the query-string parameters.")
    if not found["Expires"].isdecimal() or int(found["Expires"]) > MOST_EXPIRES_S:
        raise IncompleteSignatureException(f"X-Amz-Expires must be a number of seconds up to {MOST_EXPIRES_S}")
    return _signed(found.__getitem__, found["Date"], int(found["Expires"]))


def _signed(part: Callable[[str], str], time: str, expires_s: int | None = None) -> Signed:
    key, *scope = part("Credential").split("/")
    if len(scope) != 4 or scope[3] != "aws4_request":
        raise IncompleteSignatureException(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{part('Credential')}'"
        )
    headers = tuple(part("SignedHeaders").lower().split(";"))
    return Signed(key, Scope(*scope[:3]), headers, part("Signature"), time, expires_s)


def _check_time(signed: Signed, now: datetime) -> None:
    try:
        time = datetime.strptime(signed.time, FORM).replace(tzinfo=UTC)
    except ValueError:
        raise IncompleteSignatureException(
            f"Date must be in ISO-8601 'basic format'. Got '{signed.time}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from None
    if signed.scope.date != signed.time[:8]:
        raise InvalidSignatureException(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{signed.scope.date}' != '{signed.time[:8]}', from '{signed.time}'."
        )
    if time > now + SKEW:
        raise InvalidSignatureException(
            f"Signature not yet current: {signed.time} is still later than {now + SKEW:{FORM}} "
            f"({now:{FORM}} + 5 min.)"
        )
    if signed.expires_s is not None:
        end = time + timedelta(seconds=signed.expires_s)
        if now > end:
            raise InvalidSignatureException(f"Signature expired: {end:{FORM}} is now earlier than {now:{FORM}}")
    elif time < now - SKEW:
        raise InvalidSignatureException(
            f"Signature expired: {signed.time} is now earlier than {now - SKEW:{FORM}} ({now:{FORM}} - 5 min.)"
        )
