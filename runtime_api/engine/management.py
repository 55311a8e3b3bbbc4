"""Performs the operations of Lambda's management API: rules decide, and what they decide becomes true here."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.service.errors import (
    InvalidParameterValueException,
    NotSupportedException,
    ServiceError,
    ServiceException,
)
from runtime_api.service.function_url_record import function_url
from runtime_api.service.layer_record import Layer
from runtime_api.service.resolving import resolved_version
from runtime_api.service.resources import Shelves
from runtime_api.service.rules import Asked
from runtime_api.service.rules.functions import settled
from runtime_api.service.rules.table import RULES
from runtime_api.service.running import code_of, like, runnable
from runtime_api.service.seams.catalog import FunctionRecord
from runtime_api.service.validation import check_parameters
from runtime_api.store.sqlite.database import StoreError

from .ids import uuid4
from .links import Links
from .url_ids import url_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runtime_api.protocol.limits import Limits
    from runtime_api.service.function_record import Function, Version
    from runtime_api.service.operations import Operation
    from runtime_api.service.resources import Resource
    from runtime_api.service.rules import Owner, Uploaded
    from runtime_api.service.seams.catalog import Runnable
    from runtime_api.store.memory_catalog import MemoryCatalog
    from runtime_api.store.sqlite.functions import StoredFunctions

    from .dispatch import LocalDispatch
    from .installations import Installations
    from .installer import Installer

__all__ = ["Management", "now"]

SETTLING_S = 0.2  # how long a function is Pending, or an update InProgress


class Management:
    """Serves one owner's functions."""

    def __init__(
        self,
        catalog: MemoryCatalog,
        dispatch: LocalDispatch,
        installer: Installer,
        installations: Installations,
        owner: Owner,
        limits: Limits,
        stored: StoredFunctions | None = None,
    ) -> None:
        """`stored`: where functions are kept; None: nowhere, they go with this process."""
        self._stored = stored
        self._catalog = catalog
        self._dispatch = dispatch
        self._installer = installer
        self._installations = installations
        self._owner = owner
        self._limits = limits
        self._next_numbers: dict[str, int] = {}
        self._shelves = Shelves()
        self._links = Links()
        self._one_change = asyncio.Lock()  # so that every rule sees what the one before it has left
        self._settling: dict[str, asyncio.Task[None]] = {}

    async def perform(self, operation: Operation, parameters: Mapping[str, Any], server: str) -> Mapping[str, Any]:
        """Perform an operation and return its result; raise the ServiceError with which Lambda refuses it.

        `server` is the URL at which the caller has reached this server.
        """
        rule = RULES.get(operation.name)
        if rule is None:
            raise NotSupportedException(f"{operation.name} is not supported by bootjack")
        if operation.input is not None:
            check_parameters(operation.input, parameters)
        async with self._one_change:
            uploaded = await self._take_in(parameters)
            asked = Asked(
                parameters,
                self._owner,
                self._catalog.functions(),
                now(),
                time.time(),
                _ids(),
                uploaded,
                self._next_numbers,
                self._shelves,
                partial(self._links.link, server),
                partial(function_url, server, self._owner.region),
                url_ids(),
            )
            try:
                result = rule(asked)
            except ServiceError:
                await self._discard(set() if uploaded is None else {uploaded.code.sha256})
                raise
            if result.changed is not None:
                await self._change(result.changed)
            if result.removed is not None:
                await self._remove(result.removed)
            if result.kept is not None:
                await self._keep_resource(result.kept)
            if result.dropped is not None:
                await self._drop_resource(result.dropped)
        return result.document

    def restore(self) -> None:
        """Serve what is stored: everything has settled meanwhile."""
        if self._stored is None:
            return
        functions, self._next_numbers = self._stored.load()
        for resource in self._stored.load_resources():
            self._shelves.put(resource)
        for function in functions:
            found = settled(function, _ids())
            versions = {version.number: self._used(found, version) for version in found.versions()}
            self._catalog.set(FunctionRecord(found, versions))

    async def close(self) -> None:
        """Let nothing settle any more."""
        for task in self._settling.values():
            task.cancel()
        await asyncio.gather(*self._settling.values(), return_exceptions=True)

    async def _take_in(self, parameters: Mapping[str, Any]) -> Uploaded | None:
        """Keep the package that comes with a request."""
        source = parameters.get("Code") or parameters.get("Content") or parameters
        if "S3Bucket" in source:
            raise InvalidParameterValueException("Code from S3 cannot be fetched here yet: upload a ZipFile")
        if "ZipFile" not in source:
            return None
        return await self._installer.take_in(source["ZipFile"])

    async def _change(self, function: Function) -> None:
        """Write a function, with everything installed that its versions need to run."""
        before = self._catalog.get(function.name)
        versions = {
            version.number: await self._runnable(function, version, before) for version in function.versions()
        }
        await self._keep(function)
        names = frozenset[str]() if before is None else before.other_names
        record = self._catalog.set(FunctionRecord(function, versions, names))
        if before is not None:
            self._give_up(before, record)
            await self._discard(_packages(before.function))
        if settled(function, _ids()) != function:
            self._settle_later(function.name)

    async def _runnable(self, function: Function, version: Version, before: FunctionRecord | None) -> Runnable:
        """What it takes to run a version: as before if the version is, installed now if not."""
        known = None if before is None else before.versions.get(version.number)
        if before is not None and known is not None and _runs_alike(version, before.function.version(version.number)):
            return known
        fresh = self._used(function, version, before)
        if fresh.code.is_package:
            await self._installer.install(fresh.code)
        return fresh if before is None else like(fresh, before.latest)

    def _used(self, function: Function, version: Version, before: FunctionRecord | None = None) -> Runnable:
        """What it takes to run a version, whose code counts as used from now on."""
        code = code_of(version) or (before.latest.code if before is not None else None)
        assert code is not None  # a function that is no package has been here before
        self._installations.use(code)
        return runnable(function, version, code, self._limits)

    def _give_up(self, before: FunctionRecord, record: FunctionRecord) -> None:
        """End what is not run any more; running invocations may finish on it."""
        for number, old in before.versions.items():
            if number not in record.versions:
                self._dispatch.retire(resolved_version(before, number))
            elif record.versions[number] != old:
                self._dispatch.prepare(resolved_version(record, number))
                self._installations.remove(old.code)

    async def package(self, sha256: str, query: Mapping[str, list[str]]) -> bytes | None:
        """Return the bytes of a package for a link that was made here; None for any other link."""
        return await self._installer.package(sha256) if self._links.is_valid(sha256, query) else None

    async def _keep_resource(self, resource: Resource) -> None:
        before = self._shelves.of(type(resource)).get(resource.name)
        if self._stored is not None:
            with _explained():
                await self._stored.save_resource(resource)
        self._shelves.put(resource)
        if isinstance(before, Layer):
            await self._discard({version.code.sha256 for version in before.versions.values()})

    async def _drop_resource(self, resource: Resource) -> None:
        if self._stored is not None:
            with _explained():
                await self._stored.delete_resource(resource)
        self._shelves.drop(resource)

    async def _keep(self, function: Function) -> None:
        """Write a function to the store, if there is one and the function's code is in it."""
        if self._stored is None or not function.latest.code.sha256:
            return
        with _explained():
            await self._stored.save(function)

    async def _remove(self, function: Function) -> None:
        if self._stored is not None and function.latest.code.sha256:
            with _explained():
                await self._stored.delete(function)
        record = self._catalog.drop(function.name)
        self._next_numbers[function.name] = function.next_number
        for number in record.versions:
            self._dispatch.retire(resolved_version(record, number))
        await self._discard(_packages(function))

    async def _discard(self, packages: set[str]) -> None:
        """Delete those of these packages that no function has."""
        for function in self._catalog.functions().values() if packages else ():
            packages = packages - _packages(function)
        for layer in self._shelves.of(Layer).values() if packages else ():
            packages = packages - {version.code.sha256 for version in layer.versions.values()}
        for sha256 in packages:
            await self._installer.discard(sha256)

    def _settle_later(self, name: str) -> None:
        task = self._settling.pop(name, None)
        if task is not None:
            task.cancel()
        self._settling[name] = asyncio.get_running_loop().create_task(self._settle(name))

    async def _settle(self, name: str) -> None:
        await asyncio.sleep(SETTLING_S)
        async with self._one_change:
            del self._settling[name]
            record = self._catalog.get(name)
            if record is not None:
                function = settled(record.function, _ids())
                with suppress(ServiceException):  # the disk is full: it settles again after a restart
                    await self._keep(function)
                self._catalog.set(structs.replace(record, function=function))


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what keeps the store from writing into an error that callers understand."""
    try:
        yield
    except StoreError as error:
        raise ServiceException(str(error)) from error


def _packages(function: Function) -> set[str]:
    """The packages that a function's versions and their layers are made of, by SHA-256."""
    versions = [version for version in function.versions() if version.code.sha256]
    layers = {use.code.sha256 for version in versions for use in version.configuration.layers}
    return layers | {version.code.sha256 for version in versions}


def _runs_alike(version: Version, before: Version | None) -> bool:
    return before is not None and (version.code, version.configuration) == (before.code, before.configuration)


def now() -> str:
    """The time as Lambda writes it, in milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def _ids() -> Iterator[str]:
    while True:
        yield uuid4()
