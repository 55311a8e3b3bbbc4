"""Links to packages that need no signature of AWS's: they carry their own, and are good for ten minutes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PACKAGES", "Links"]

PACKAGES = "/_bootjack/packages/"
VALID_S = 600  # guide 18355


class Links:
    """Signs links with a key that only this process has."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def link(self, server: str, sha256: str) -> str:
        """Return the URL of a package on the server with this URL."""
        expires = str(int(time.time()) + VALID_S)
        query = urlencode({"Expires": expires, "Signature": self._signature(sha256, expires)})
        return f"{server}{PACKAGES}{sha256}?{query}"

    def is_valid(self, sha256: str, query: Mapping[str, list[str]]) -> bool:
        """Whether a link to this package was made here and has not expired."""
        (expires, *_), (signature, *_) = query.get("Expires", [""]), query.get("Signature", [""])
        if not expires.isdecimal() or int(expires) < time.time():
            return False
        return hmac.compare_digest(self._signature(sha256, expires).encode(), signature.encode())

    def _signature(self, sha256: str, expires: str) -> str:
        return hmac.new(self._key, f"{sha256} {expires}".encode(), hashlib.sha256).hexdigest()
