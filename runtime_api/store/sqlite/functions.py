"""Functions and other resources on disk: a row for each, with everything that belongs to it as one document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runtime_api.service.function_record import Function
from runtime_api.service.owners import Owner
from runtime_api.service.resources import KINDS, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime_api.service.resources import Resource

    from .database import Database

__all__ = ["StoredFunctions"]

SAVE = "INSERT OR REPLACE INTO functions (account, region, name, document) VALUES (?, ?, ?, ?)"
DELETE = "DELETE FROM functions WHERE account = ? AND region = ? AND name = ?"
NUMBER = "INSERT OR REPLACE INTO next_numbers (account, region, name, number) VALUES (?, ?, ?, ?)"
LOAD = "SELECT document FROM functions"
SAVE_RESOURCE = "INSERT OR REPLACE INTO resources (account, region, kind, name, document) VALUES (?, ?, ?, ?, ?)"
DELETE_RESOURCE = "DELETE FROM resources WHERE account = ? AND region = ? AND kind = ? AND name = ?"
LOAD_RESOURCES = "SELECT account, region, kind, document FROM resources"
LOAD_NUMBERS = "SELECT account, region, name, number FROM next_numbers"


class StoredFunctions:
    """Keeps what all owners have."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> list[Function]:
        """Read every function."""
        decoder = msgspec.json.Decoder(Function)
        return [decoder.decode(document) for (document,) in self._database.read(LOAD)]

    def load_numbers(self) -> Iterator[tuple[Owner, str, int]]:
        """Read the next version numbers of functions that were deleted, by owner and name."""
        for account, region, name, number in self._database.read(LOAD_NUMBERS):
            yield Owner(account, region), name, number

    def load_resources(self) -> Iterator[tuple[Owner, Resource]]:
        """Read every other resource with its owner."""
        for account, region, kind, document in self._database.read(LOAD_RESOURCES):
            yield Owner(account, region), msgspec.json.decode(document, type=KINDS[kind])

    async def save_resource(self, owner: Owner, resource: Resource) -> None:
        """Write another resource; StoreError when it cannot be."""
        key = (*owner, kind_of(resource), resource.name)
        await self._database.write((SAVE_RESOURCE, (*key, msgspec.json.encode(resource))))

    async def delete_resource(self, owner: Owner, resource: Resource) -> None:
        """Remove another resource, on a full disk, too."""
        statement = DELETE_RESOURCE, (*owner, kind_of(resource), resource.name)
        await self._database.write(statement, makes_room=True)

    async def save(self, function: Function, *, makes_room: bool = False) -> None:
        """Write a function; StoreError when it cannot be. `makes_room`: versions of it, and their packages, go."""
        statement = SAVE, (*function.owner, function.name, msgspec.json.encode(function))
        await self._database.write(statement, makes_room=makes_room)

    async def delete(self, function: Function) -> None:
        """Remove a function, whose version numbers are not given again; on a full disk, too."""
        key = (*function.owner, function.name)
        await self._database.write((DELETE, key), (NUMBER, (*key, function.next_number)), makes_room=True)
