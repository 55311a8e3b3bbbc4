"""A code signing configuration: stored and attached to functions. No signature is checked here."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["CodeSigningConfig"]


class CodeSigningConfig(Struct, frozen=True):
    """Whose signatures a function's packages need, and what happens to a package without one."""

    id: str
    account: str
    region: str
    publishers: tuple[str, ...]  # ARNs of versions of signing profiles
    policy: str  # for a package without a valid signature: Warn or Enforce
    description: str
    last_modified: str
    tags: dict[str, str] = {}

    @property
    def name(self) -> str:
        """Its ARN, by which callers name it."""
        return f"arn:aws:lambda:{self.region}:{self.account}:code-signing-config:{self.id}"
