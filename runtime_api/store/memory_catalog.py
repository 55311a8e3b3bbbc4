"""A catalog in memory: functions are known as long as the process runs."""

from __future__ import annotations

from collections import ChainMap
from itertools import count
from random import random
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runtime_api.service.owners import DEFAULT_OWNER
from runtime_api.service.resolving import resolve_name, resolved_version
from runtime_api.service.seams.catalog import Stale
from runtime_api.service.url_index import UrlIndex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.service.function_record import Function
    from runtime_api.service.owners import Owner
    from runtime_api.service.seams.catalog import FunctionRecord, ResolvedVersion

__all__ = ["MemoryCatalog"]


class _Functions:
    """The functions of one owner, or those of everybody."""

    def __init__(self) -> None:
        self.records: dict[str, FunctionRecord] = {}  # by every name that they answer to
        self.unqualified: dict[
            str, ResolvedVersion
        ] = {}  # of these, what most invocations ask for, once one has asked
        self.functions: dict[str, Function] = {}

    def set(self, record: FunctionRecord) -> None:
        """Put in a record whose name is free."""
        self.functions[record.name] = record.function
        for name in (record.name, *record.other_names):
            self.records[name] = record
            self.unqualified.pop(name, None)

    def drop(self, record: FunctionRecord) -> None:
        """Take out a record that is in here."""
        if self.records.get(record.name) is record:
            del self.functions[record.name]
        for each in (record.name, *record.other_names):
            if self.records.get(each) is record:
                del self.records[each]
                self.unqualified.pop(each, None)

    def latest(self, name: str) -> ResolvedVersion | None:
        """Return what this name stands for without a qualifier; None when no function answers to it."""
        found, record = self.unqualified.get(name), self.records.get(name)
        if found is None and record is not None:
            found = self.unqualified[name] = resolved_version(record)
        return found


class MemoryCatalog:
    """Implements `Catalog`. `set` and `drop` are for its owner, when nothing else writes."""

    def __init__(self, home: Owner = DEFAULT_OWNER) -> None:
        """`home`: the owner whom unsigned callers mean."""
        self._home = home
        own = _Functions()
        self._own: dict[Owner | None, _Functions] = {home: own, None: own}  # None: callers who do not sign
        self._records: dict[Owner, dict[str, FunctionRecord]] = {home: own.records}
        self._everybodys = _Functions()
        self._revisions = count(1)
        self.urls = UrlIndex()

    def resolve(self, function: str, qualifier: str | None = None, caller: Owner | None = None) -> ResolvedVersion:
        if qualifier is None:
            own = self._own.get(caller, self._everybodys)
            found = own.unqualified.get(function) or own.latest(function) or self._everybodys.latest(function)
            if found is not None:
                return found
        owner, everybodys = caller or self._home, self._everybodys.records
        return resolve_name(self._records, everybodys, function, qualifier, owner, caller is not None, random)

    def names(self) -> list[str]:
        return sorted({name for records in self._records.values() for name in records})

    def get(self, name: str, owner: Owner | None = None) -> FunctionRecord | None:
        own = self._own.get(owner)
        record = None if own is None else own.records.get(name)
        return record if record is not None and record.name == name else None

    def functions(self, owner: Owner | None = None) -> Mapping[str, Function]:
        own = self._own.get(owner)
        if own is None:
            return MappingProxyType(self._everybodys.functions)
        if self._everybodys.functions.keys() <= own.functions.keys():
            return MappingProxyType(own.functions)
        return ChainMap(own.functions, self._everybodys.functions)

    async def put(self, record: FunctionRecord, expected: int | None) -> FunctionRecord | Stale:
        current = self._revision(record.name, record.function.owner)
        return self.set(record) if current == expected else Stale(current)

    async def remove(self, name: str, expected: int, owner: Owner | None = None) -> FunctionRecord | Stale:
        current = self._revision(name, owner)
        return self.drop(name, owner) if current == expected else Stale(current)

    def set(self, record: FunctionRecord) -> FunctionRecord:
        """Write a record whatever is there; returns it with its new revision."""
        owner = record.function.owner
        if self.get(record.name, owner) is not None:
            self.drop(record.name, owner)
        revision = next(self._revisions)
        versions = {
            number: version if version.revision else replace(version, revision=revision)
            for number, version in record.versions.items()
        }
        record = replace(record, versions=versions, revision=revision)
        if owner not in self._records:
            self._own[owner] = _Functions()
            self._records[owner] = self._own[owner].records
        self._own[owner].set(record)
        if record.everybodys:
            self._everybodys.set(record)
        self.urls.put(record.function)
        return record

    def drop(self, name: str, owner: Owner | None = None) -> FunctionRecord:
        """Remove the record of a function that is there; returns it."""
        own = self._own[owner]
        record = own.records[name]
        own.drop(record)
        if record.everybodys:
            self._everybodys.drop(record)
        self.urls.drop(record.function)
        return record

    def _revision(self, name: str, owner: Owner | None) -> int | None:
        record = self.get(name, owner)
        return None if record is None else record.revision
