"""Who sends a request, by what its signature says of itself, and, if that is asked for, whether it is good."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runtime_api.service.authentication import check_signature
from runtime_api.service.owners import DEFAULT_OWNER, caller_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.service.owners import Caller, Owner
    from runtime_api.service.signatures import SignedRequest

__all__ = ["Callers"]

KNOWN = 256  # credentials that are remembered
_AUTHORIZATION = b"authorization"
_CREDENTIAL = b"Credential="
_PRESIGNED = "X-Amz-Credential"


class Callers:
    """Reads callers; those that have been read are known again by the first bytes of their header."""

    def __init__(self, default: Owner = DEFAULT_OWNER, keys: Mapping[str, str] | None = None) -> None:
        """`default`: whose account keys belong to that name none.

        `keys`: the secrets of those that may sign, by their ids; None: signatures are not looked at.
        """
        self._default = default
        self._keys = keys or {}
        self.verifies = keys is not None
        self._known: dict[bytes, Caller | None] = {}

    def check(self, request: SignedRequest, query: Mapping[str, list[str]]) -> None:
        """Raise the ServiceError for a request without a good signature, if signatures are to be verified.

        `query` is the request's, decoded.
        """
        if self.verifies:
            check_signature(request, query, self._keys, datetime.now(UTC))

    def of(self, headers: Mapping[bytes, bytes], query: Mapping[str, list[str]]) -> Caller | None:
        """Return the caller of a request, `headers` by their names in lower case; None if it is not signed."""
        authorization = headers.get(_AUTHORIZATION)
        return self.by_query(query) if authorization is None else self.by_header(authorization)

    def by_header(self, authorization: bytes) -> Caller | None:
        """Return the caller that an Authorization header names; None for a header of another kind.

        Only the signature behind the first comma differs from request to request, in the form that every SDK sends.
        """
        start = authorization[: authorization.find(b",")]
        if start in self._known:
            return self._known[start]
        found = authorization.find(_CREDENTIAL)
        credential = authorization[found + len(_CREDENTIAL) :].split(b",")[0] if found >= 0 else b""
        caller = caller_of(credential.strip().decode("latin-1"), self._default)
        if _CREDENTIAL in start:
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[start] = caller
        return caller

    def by_query(self, query: Mapping[str, list[str]]) -> Caller | None:
        """Return the caller that a presigned URL names."""
        credentials = query.get(_PRESIGNED)
        return caller_of(credentials[0], self._default) if credentials else None
