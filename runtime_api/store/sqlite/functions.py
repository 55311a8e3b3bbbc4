"""Functions and layers on disk: a row for each, with everything that belongs to it as one document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runtime_api.service.function_record import Function
from runtime_api.service.layer_record import Layer

if TYPE_CHECKING:
    from runtime_api.service.rules import Owner

    from .database import Database

__all__ = ["StoredFunctions"]

SAVE = "INSERT OR REPLACE INTO functions (account, region, name, document) VALUES (?, ?, ?, ?)"
DELETE = "DELETE FROM functions WHERE account = ? AND region = ? AND name = ?"
NUMBER = "INSERT OR REPLACE INTO next_numbers (account, region, name, number) VALUES (?, ?, ?, ?)"
LOAD = "SELECT document FROM functions WHERE account = ? AND region = ?"
SAVE_LAYER = "INSERT OR REPLACE INTO layers (account, region, name, document) VALUES (?, ?, ?, ?)"
LOAD_LAYERS = "SELECT document FROM layers WHERE account = ? AND region = ?"
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

    def load_layers(self) -> list[Layer]:
        """Read every layer, deleted ones included: they know their next number."""
        decoder = msgspec.json.Decoder(Layer)
        return [decoder.decode(document) for (document,) in self._database.read(LOAD_LAYERS, self._owner)]

    async def save_layer(self, layer: Layer) -> None:
        """Write a layer; StoreError when it cannot be."""
        await self._database.write((SAVE_LAYER, (*self._owner, layer.name, msgspec.json.encode(layer))))

    async def save(self, function: Function) -> None:
        """Write a function; StoreError when it cannot be."""
        await self._database.write((SAVE, (*self._owner, function.name, msgspec.json.encode(function))))

    async def delete(self, function: Function) -> None:
        """Remove a function, whose version numbers are not given again."""
        key = (*self._owner, function.name)
        await self._database.write((DELETE, key), (NUMBER, (*key, function.next_number)))
