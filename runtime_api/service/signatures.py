"""AWS's Signature Version 4: what is signed, how, and why a signature is refused.

A request is signed in its headers (`Authorization`) or, presigned, in its URL (`X-Amz-Signature`).
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["ALGORITHM", "Scope", "Signed", "SignedRequest", "canonical_request", "sign", "signature"]

ALGORITHM = "AWS4-HMAC-SHA256"
ENDING = "aws4_request"
SIGNATURE = b"X-Amz-Signature"


class Scope(NamedTuple):
    """Where a signature is good: one day, one region, one service."""

    date: str  # YYYYMMDD
    region: str
    service: str

    def __str__(self) -> str:
        return "/".join((*self, ENDING))


class SignedRequest(NamedTuple):
    """The parts of a request that a signature covers, as they are on the wire."""

    method: bytes
    path: bytes  # percent-encoded
    query: bytes
    headers: Mapping[bytes, bytes]  # by their names in lower case
    body: bytes


class Signed(NamedTuple):
    """What a request says of its signature."""

    key: str
    scope: Scope
    headers: tuple[str, ...]  # the names of those that are signed
    signature: str
    time: str  # YYYYMMDDTHHMMSSZ
    expires_s: int | None = None  # of a presigned URL


def canonical_request(request: SignedRequest, headers: Sequence[str]) -> bytes:
    """Return the request as it is signed: whatever may change on the way has one form here."""
    names = [name.encode() for name in headers]
    return b"\n".join(
        (
            request.method,
            quote(_normal(request.path), safe="/~").encode(),  # encoded again, as every service but S3 wants it
            _canonical_query(request.query),
            *(name + b":" + b" ".join(request.headers.get(name, b"").split()) for name in names),
            b"",
            b";".join(names),
            hashlib.sha256(request.body).hexdigest().encode(),
        )
    )


def signature(secret: str, scope: Scope, time: str, canonical: bytes) -> str:
    """Return the signature of a canonical request."""
    key = f"AWS4{secret}".encode()
    for part in (*scope, ENDING):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join((ALGORITHM, time, str(scope), hashlib.sha256(canonical).hexdigest()))
    return hmac.digest(key, text.encode(), "sha256").hex()


def sign(request: SignedRequest, key: str, secret: str, scope: Scope, time: str) -> str:
    """Return the Authorization header for a request all of whose headers are to be signed."""
    headers = sorted(name.decode("latin-1") for name in request.headers)
    signed = signature(secret, scope, time, canonical_request(request, headers))
    return f"{ALGORITHM} Credential={key}/{scope}, SignedHeaders={';'.join(headers)}, Signature={signed}"


def _normal(path: bytes) -> bytes:
    """The path without empty segments, `.` and `..` (RFC 3986 6.2.2.3)."""
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    ending = b"/" if path.endswith(b"/") and kept else b""
    return b"/" + b"/".join(kept) + ending


def _canonical_query(query: bytes) -> bytes:
    """The parameters without the signature itself, each encoded in the one way, in order."""
    pairs: Iterable[tuple[bytes, bytes, bytes]] = (part.partition(b"=") for part in query.split(b"&") if part)
    encoded = sorted((_encoded(name), _encoded(value)) for name, _, value in pairs if name != SIGNATURE)
    return b"&".join(name + b"=" + value for name, value in encoded)


def _encoded(text: bytes) -> bytes:
    return quote(unquote_to_bytes(text), safe="~").encode()
