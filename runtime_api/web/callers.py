"""Who sends a request, by what its signature says of itself: the signature is not checked for this."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.service.owners import DEFAULT_OWNER, caller_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.service.owners import Caller, Owner

__all__ = ["Callers"]

KNOWN = 256  # credentials that are remembered
_AUTHORIZATION = b"authorization"
_CREDENTIAL = b"Credential="
_PRESIGNED = "X-Amz-Credential"


class Callers:
    """Reads callers; those that have been read are known again by the first bytes of their header."""

    def __init__(self, default: Owner = DEFAULT_OWNER) -> None:
        """`default`: whose account keys belong to that name none."""
        self._default = default
        self._known: dict[bytes, Caller | None] = {}

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
