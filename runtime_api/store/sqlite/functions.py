"""Functions and other resources on disk: a row for each, with everything that belongs to it as one document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runtime_api.service.function_record import Function
from runtime_api.service.resources import KINDS, kind_of

if TYPE_CHECKING:
    from runtime_api.service.resources import Resource
    from runtime_api.service.rules import Owner

    from .database import Database

__all__ = ["StoredFunctions"]

SAVE = "INSERT OR REPLACE INTO functions (account, region, name, document) VALUES (?, ?, ?, ?)"
DELETE = "DELETE FROM functions WHERE account = ? AND region = ? AND name = ?"
NUMBER = "INSERT OR REPLACE INTO next_numbers (account, region, name, number) VALUES (?, ?, ?, ?)"
LOAD = "SELECT document FROM functions WHERE account = ? AND region = ?"
SAVE_RESOURCE = "INSERT OR REPLACE INTO resources (account, region, kind, name, document) VALUES (?, ?, ?, ?, ?)"
DELETE_RESOURCE = "DELETE FROM resources WHERE account = ? AND region = ? AND kind = ? AND name = ?"
LOAD_RESOURCES = "SELECT kind, document FROM resources WHERE account = ? AND region = ?"
LOAD_NUMBERS = "SELECT name, number FROM next_numbers WHERE account = ? AND region = ?"


class StoredFunctions:
    """Keeps the functions of one owner."""

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner

    def load(self) -> tuple[list[Function], dict[str, int]]:
        """Read every function, and the next version numbers of those that were deleted."""
        decoder = msgspec.json.Decoder(Function)
        functions = [decoder.decode(document) for (document,) in self._database.read(LOAD, self._owner)]
        return functions, dict(self._database.read(LOAD_NUMBERS, self._owner))

    def load_resources(self) -> list[Resource]:
        """Read every other resource."""
        rows = self._database.read(LOAD_RESOURCES, self._owner)
        return [msgspec.json.decode(document, type=KINDS[kind]) for kind, document in rows]

    async def save_resource(self, resource: Resource) -> None:
        """Write another resource; StoreError when it cannot be."""
        key = (*self._owner, kind_of(resource), resource.name)
        await self._database.write((SAVE_RESOURCE, (*key, msgspec.json.encode(resource))))

    async def delete_resource(self, resource: Resource) -> None:
        """Remove another resource."""
        await self._database.write((DELETE_RESOURCE, (*self._owner, kind_of(resource), resource.name)))

    async def save(self, function: Function) -> None:
        """Write a function; StoreError when it cannot be."""
        await self._database.write((SAVE, (*self._owner, function.name, msgspec.json.encode(function))))

    async def delete(self, function: Function) -> None:
        """Remove a function, whose version numbers are not given again."""
        key = (*self._owner, function.name)
        await self._database.write((DELETE, key), (NUMBER, (*key, function.next_number)))
