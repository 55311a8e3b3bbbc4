"""Performs the operations of Lambda's management API: rules decide, and what they decide becomes true here."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import structs

from runtime_api.service.errors import InvalidParameterValueException, ServiceError, ServiceException
from runtime_api.service.function_url_record import function_url
from runtime_api.service.mapping_record import EventSourceMapping
from runtime_api.service.owners import Owner
from runtime_api.service.processing_results import shown_result
from runtime_api.service.resolving import resolved_version
from runtime_api.service.resources import kind_of
from runtime_api.service.rules import Asked, Uploaded
from runtime_api.service.rules.functions import settled
from runtime_api.service.rules.mappings import settled_mapping
from runtime_api.service.rules.table import RULES
from runtime_api.service.running import code_of, like, runnable
from runtime_api.service.seams.catalog import FunctionRecord
from runtime_api.service.validation import check_parameters
from runtime_api.store.sqlite.database import StoreError

from .belongings import Estate
from .ids import uuid4
from .links import Links
from .package_uses import PackageUses
from .url_ids import url_ids

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from runtime_api.service.function_record import Code, Function, Version
    from runtime_api.service.operations import Operation
    from runtime_api.service.profiles import Profile
    from runtime_api.service.resources import Resource
    from runtime_api.service.rules import Result
    from runtime_api.service.seams.catalog import Runnable
    from runtime_api.store.memory_catalog import MemoryCatalog
    from runtime_api.store.sqlite.functions import StoredFunctions

    from .code_sources import CodeSources
    from .dispatch import LocalDispatch
    from .installations import Installations
    from .installer import Installer
    from .pollers import Pollers
    from .provisioner import Provisioner

__all__ = ["Management", "now"]

CREATE_MAPPING = "CreateEventSourceMapping"
SETTLING_S = 0.2  # how long a function is Pending, or an update InProgress


class Management:
    """Serves the functions of every owner; `home` is the one of callers who do not say whose they mean."""

    def __init__(
        self,
        catalog: MemoryCatalog,
        dispatch: LocalDispatch,
        installer: Installer,
        sources: CodeSources,
        installations: Installations,
        home: Owner,
        profile: Profile,
        provisioner: Provisioner,
        stored: StoredFunctions | None = None,
        pollers: Pollers | None = None,
    ) -> None:
        """`stored`: where functions are kept; None: nowhere, they go with this process.

        `pollers` follow event source mappings.
        """
        self._pollers = pollers
        self._stored = stored
        self._catalog = catalog
        self._dispatch = dispatch
        self._installer = installer
        self._sources = sources
        self._installations = installations
        self._home = home
        self._profile = profile
        self._provisioner = provisioner
        self._estate = Estate()
        self._links = Links()
        self._packages = PackageUses()
        self._one_change = asyncio.Lock()  # so that every rule sees what the one before it has left
        self._settling: dict[tuple[Owner, str], asyncio.Task[None]] = {}

    def serves(self, operation: Operation) -> bool:
        """Whether `perform` can perform this operation."""
        return operation.name in RULES

    async def perform(
        self, operation: Operation, parameters: Mapping[str, Any], server: str, owner: Owner | None = None
    ) -> Mapping[str, Any]:
        """Perform an operation and return its result; raise the ServiceError with which Lambda refuses it.

        `server` is the URL at which the caller has reached this server.
        """
        owner = owner or self._home
        rule = RULES[operation.name]
        if operation.input is not None:
            check_parameters(operation.input, parameters)
        # These may take long, so they hold up nobody else.
        found = await self._sources.find(parameters, owner.region)
        missing = await self._missing_source(operation, parameters)
        async with self._one_change:
            uploaded = await self._take_in(found)
            has = self._estate.of(owner)
            asked = Asked(
                parameters,
                owner,
                self._catalog.functions(owner),
                now(),
                time.time(),
                _ids(),
                uploaded,
                has.next_numbers,
                has.shelves,
                partial(self._links.link, server),
                self._profile,
                lambda other: self._estate.of(other).shelves,
                partial(function_url, server, owner.region),
                url_ids(),
                self._provisioner.allocation,
            )
            try:
                result = rule(asked)
                if missing is not None:
                    raise InvalidParameterValueException(missing)
                await self._apply(owner, result)
            except ServiceError:
                await self._discard(set() if uploaded is None else self._packages.unused(uploaded.code.sha256))
                raise
        return result.document

    async def _missing_source(self, operation: Operation, parameters: Mapping[str, Any]) -> str | None:
        """Why a new mapping has no source; None where nothing is wrong, or no mapping is made."""
        if operation.name != CREATE_MAPPING or self._pollers is None:
            return None
        return await self._pollers.missing_source(parameters.get("EventSourceArn"))

    async def _apply(self, owner: Owner, result: Result) -> None:
        """Write what a rule has decided, each part of it whole or not at all."""
        if result.changed is not None:
            await self._change(result.changed)
        if result.removed is not None:
            await self._remove(result.removed)
        if result.kept is not None:
            await self._keep_resource(owner, result.kept)
        if result.dropped is not None:
            await self._drop_resource(owner, result.dropped)

    def restore(self) -> None:
        """Serve what is stored: everything has settled meanwhile."""
        if self._stored is None:
            return
        for owner, name, number in self._stored.load_numbers():
            self._estate.to_change(owner).next_numbers[name] = number
        for owner, resource in self._stored.load_resources():
            settled_resource = _settled(resource)
            if settled_resource is not None:
                self._put(owner, settled_resource)
                self._packages.replace(None, settled_resource)
        for function in self._stored.load():
            found = settled(function, _ids())
            versions = {version.number: self._used(found, version) for version in found.versions()}
            self._provisioner.changed(None, self._catalog.set(FunctionRecord(found, versions)))
            self._packages.replace(None, found)
        self._installer.sweep(self._packages.all())

    def processed(self, mapping: EventSourceMapping, result: str) -> None:
        """Show what a mapping has come to, unless it is gone."""
        shelves = self._estate.of(Owner(mapping.account, mapping.region)).shelves
        kept = shelves.of(EventSourceMapping).get(mapping.uuid)
        if kept is not None:
            shelves.put(structs.replace(kept, last_result=shown_result(kept.settings.event_source_arn, result)))

    async def close(self) -> None:
        """Let nothing settle any more."""
        for task in self._settling.values():
            task.cancel()
        await asyncio.gather(*self._settling.values(), return_exceptions=True)
        await self._provisioner.close()

    async def _take_in(self, code: bytes | Code | None) -> Uploaded | None:
        """Keep the package that comes with a request; a directory stays where it is."""
        if isinstance(code, bytes):
            return await self._installer.take_in(code)
        return None if code is None else Uploaded(code, 0)

    async def _change(self, function: Function) -> None:
        """Write a function, with everything installed that its versions need to run."""
        before = self._catalog.get(function.name, function.owner)
        versions: dict[str, Runnable] = {}
        try:
            for version in function.versions():
                versions[version.number] = await self._runnable(function, version, before)
            await self._keep(function, makes_room=before is not None and len(versions) < len(before.versions))
        except BaseException:
            for number, found in versions.items():
                if before is None or before.versions.get(number) is not found:
                    self._installations.remove(found.code)
            raise
        if before is None:
            record = self._catalog.set(FunctionRecord(function, versions))
        else:
            record = self._catalog.set(structs.replace(before, function=function, versions=versions))
        gone = self._packages.replace(None if before is None else before.function, function)
        self._provisioner.changed(before, record)
        if before is not None:
            self._give_up(before, record)
        await self._discard(gone)
        if settled(function, _ids()) != function:
            owner, name = function.owner, function.name
            self._settle_later((owner, name), partial(self._settle_function, owner, name))

    async def _runnable(self, function: Function, version: Version, before: FunctionRecord | None) -> Runnable:
        """What it takes to run a version: as before if the version is, installed now if not."""
        known = None if before is None else before.versions.get(version.number)
        if before is not None and known is not None and _runs_alike(version, before.function.version(version.number)):
            return known
        fresh = self._used(function, version, before)
        if fresh.code.is_package:
            try:
                await self._installer.install(fresh.code)
            except BaseException:
                self._installations.remove(fresh.code)
                raise
        return fresh if before is None else like(fresh, before.latest)

    def _used(self, function: Function, version: Version, before: FunctionRecord | None = None) -> Runnable:
        """What it takes to run a version, whose code counts as used from now on."""
        code = code_of(version) or (before.latest.code if before is not None else None)
        assert code is not None  # a function that is no package has been here before
        self._installations.use(code)
        return runnable(function, version, code, self._profile.limits)

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

    async def _keep_resource(self, owner: Owner, resource: Resource) -> None:
        shelves = self._estate.to_change(owner).shelves
        before = shelves.of(type(resource)).get(resource.name)
        await self._write_resource(owner, resource)
        self._put(owner, resource)
        if _settled(resource) != resource:
            self._settle_later((owner, _key(resource)), partial(self._settle_resource, owner, resource))
        await self._discard(self._packages.replace(before, resource))

    async def _write_resource(self, owner: Owner, resource: Resource) -> None:
        """Keep a resource on disk, unless it is about to go: nothing would end its deletion after a restart."""
        if self._stored is None:
            return
        with _explained():
            if _settled(resource) is None:
                await self._stored.delete_resource(owner, resource)
            else:
                await self._stored.save_resource(owner, resource)

    async def _drop_resource(self, owner: Owner, resource: Resource) -> None:
        if self._stored is not None:
            with _explained():
                await self._stored.delete_resource(owner, resource)
        self._estate.to_change(owner).shelves.drop(resource)
        await self._discard(self._packages.replace(resource, None))

    async def _keep(self, function: Function, *, makes_room: bool = False) -> None:
        """Write a function to the store, if there is one and the function's code is in it."""
        if self._stored is None or not function.latest.code.reference:
            return
        with _explained():
            await self._stored.save(function, makes_room=makes_room)

    async def _remove(self, function: Function) -> None:
        if self._stored is not None and function.latest.code.reference:
            with _explained():
                await self._stored.delete(function)
        record = self._catalog.drop(function.name, function.owner)
        self._estate.to_change(function.owner).next_numbers[function.name] = function.next_number
        self._provisioner.changed(record, None)
        for number in record.versions:
            self._dispatch.retire(resolved_version(record, number))
        await self._discard(self._packages.replace(function, None))

    async def _discard(self, packages: set[str]) -> None:
        for sha256 in packages:
            await self._installer.discard(sha256)

    def _settle_later(self, key: tuple[Owner, str], settle: Callable[[], Awaitable[None]]) -> None:
        task = self._settling.pop(key, None)
        if task is not None:
            task.cancel()
        self._settling[key] = asyncio.get_running_loop().create_task(self._settle(key, settle))

    async def _settle(self, key: tuple[Owner, str], settle: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(SETTLING_S)
        async with self._one_change:
            del self._settling[key]
            await settle()

    async def _settle_function(self, owner: Owner, name: str) -> None:
        record = self._catalog.get(name, owner)
        if record is not None:
            function = settled(record.function, _ids())
            with suppress(ServiceException):  # the disk is full: it settles again after a restart
                await self._keep(function)
            self._catalog.set(structs.replace(record, function=function))

    async def _settle_resource(self, owner: Owner, resource: Resource) -> None:
        """End what a resource was about; every change begins anew, so it still is about that."""
        shelves = self._estate.to_change(owner).shelves
        after = _settled(shelves.of(type(resource))[resource.name])
        if after is None:
            shelves.drop(resource)
            return
        with suppress(ServiceException):  # as above
            await self._write_resource(owner, after)
        self._put(owner, after)

    def _put(self, owner: Owner, resource: Resource) -> None:
        self._estate.to_change(owner).shelves.put(resource)
        if self._pollers is not None and isinstance(resource, EventSourceMapping):
            self._pollers.changed(resource)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what keeps the store from writing into an error that callers understand."""
    try:
        yield
    except StoreError as error:
        raise ServiceException(str(error)) from error


def _settled(resource: Resource) -> Resource | None:
    """A resource that has become what it was about to be; None when it is gone."""
    return settled_mapping(resource, now()) if isinstance(resource, EventSourceMapping) else resource


def _key(resource: Resource) -> str:
    """What no function is called."""
    return f"{kind_of(resource)}: {resource.name}"


def _runs_alike(version: Version, before: Version | None) -> bool:
    return before is not None and (version.code, version.configuration) == (before.code, before.configuration)


def now() -> str:
    """The time as Lambda writes it, in milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def _ids() -> Iterator[str]:
    while True:
        yield uuid4()
