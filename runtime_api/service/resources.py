"""What an owner has besides functions, by kind: records that are kept one by one, each under its name."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from .code_signing_record import CodeSigningConfig
from .layer_record import Layer
from .mapping_record import EventSourceMapping

__all__ = ["KINDS", "Resource", "Shelves", "kind_of"]

Resource = Layer | CodeSigningConfig | EventSourceMapping
KINDS: dict[str, type[Resource]] = {
    "layer": Layer,
    "code signing config": CodeSigningConfig,
    "event source mapping": EventSourceMapping,
}

R = TypeVar("R", bound=Resource)


class Shelves:
    """The resources of an owner: one shelf a kind."""

    def __init__(self) -> None:
        self._shelves: dict[type, dict[str, Any]] = {kind: {} for kind in KINDS.values()}

    def of(self, kind: type[R]) -> dict[str, R]:
        """Return every resource of a kind, by name."""
        return cast("dict[str, R]", self._shelves[kind])

    def put(self, resource: Resource) -> None:
        """Put a resource in the place of the one with its name."""
        self._shelves[type(resource)][resource.name] = resource

    def drop(self, resource: Resource) -> None:
        """Remove a resource."""
        del self._shelves[type(resource)][resource.name]


def kind_of(resource: Resource) -> str:
    """Return the name of a resource's kind."""
    return next(name for name, kind in KINDS.items() if kind is type(resource))
