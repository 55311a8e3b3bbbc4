"""A catalog in memory: functions are known as long as the process runs."""

from __future__ import annotations

from itertools import count
from random import random
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runtime_api.service.resolving import resolve_name, resolved_version
from runtime_api.service.seams.catalog import Stale
from runtime_api.service.url_index import UrlIndex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.service.function_record import Function
    from runtime_api.service.seams.catalog import FunctionRecord, ResolvedVersion

__all__ = ["MemoryCatalog"]


class MemoryCatalog:
    """Implements `Catalog`. `set` and `drop` are for its owner, when nothing else writes."""

    def __init__(self) -> None:
        self._records: dict[str, FunctionRecord] = {}  # by every name that they answer to
        self._unqualified: dict[str, ResolvedVersion] = {}  # by the same names: what most invocations ask for
        self._functions: dict[str, Function] = {}
        self._revisions = count(1)
        self.urls = UrlIndex()

    def resolve(self, function: str, qualifier: str | None = None) -> ResolvedVersion:
        found = self._unqualified.get(function)
        if found is not None and qualifier is None:
            return found
        return resolve_name(self._records, function, qualifier, random)

    def names(self) -> list[str]:
        return sorted(self._records)

    def get(self, name: str) -> FunctionRecord | None:
        record = self._records.get(name)
        return record if record is not None and record.name == name else None

    def functions(self) -> Mapping[str, Function]:
        return MappingProxyType(self._functions)

    async def put(self, record: FunctionRecord, expected: int | None) -> FunctionRecord | Stale:
        current = self._revision(record.name)
        return self.set(record) if current == expected else Stale(current)

    async def remove(self, name: str, expected: int) -> FunctionRecord | Stale:
        current = self._revision(name)
        return self.drop(name) if current == expected else Stale(current)

    def set(self, record: FunctionRecord) -> FunctionRecord:
        """Write a record whatever is there; returns it with its new revision."""
        if self.get(record.name) is not None:
            self.drop(record.name)
        revision = next(self._revisions)
        versions = {
            number: version if version.revision else replace(version, revision=revision)
            for number, version in record.versions.items()
        }
        record = replace(record, versions=versions, revision=revision)
        self._functions[record.name] = record.function
        self.urls.put(record.function)
        for name in (record.name, *record.other_names):
            self._records[name] = record
            self._unqualified[name] = resolved_version(record)
        return record

    def drop(self, name: str) -> FunctionRecord:
        """Remove the record of a function that is there; returns it."""
        record = self._records[name]
        del self._functions[record.name]
        self.urls.drop(record.function)
        for each in (record.name, *record.other_names):
            if self._records.get(each) is record:
                del self._records[each], self._unqualified[each]
        return record

    def _revision(self, name: str) -> int | None:
        record = self.get(name)
        return None if record is None else record.revision
