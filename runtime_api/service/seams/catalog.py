"""The seam for functions: records with revisions, and what a caller's name for a function resolves to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import Struct, structs

from runtime_api.service.arns import LATEST
from runtime_api.service.tenancy import Tenancy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.protocol.settings import FunctionSettings
    from runtime_api.service.function_record import EventInvoke, Function, Policy
    from runtime_api.service.owners import Owner
    from runtime_api.service.records import CodeRef, FunctionSpec
    from runtime_api.service.url_index import UrlIndex

__all__ = ["Catalog", "FunctionRecord", "ResolvedVersion", "Runnable", "Stale"]


class Runnable(Struct, frozen=True):
    """What it takes to run one version of a function."""

    spec: FunctionSpec
    code: CodeRef
    settings: FunctionSettings
    concurrency: int  # execution environments at once
    max_queued: int = 0  # invocations that may wait while all environments are busy; the next one is throttled
    tenancy: Tenancy = Tenancy.OPTIONAL
    revision: int = 0  # counted by the catalog: each version that is written for the first time gets the next number


class FunctionRecord(Struct, frozen=True):
    """A function as a catalog keeps it: what its owner sees, and what it takes to run each of its versions."""

    function: Function
    versions: dict[str, Runnable]  # by number; $LATEST is always there
    other_names: frozenset[str] = frozenset()
    revision: int = 0  # counted by the catalog: each write of any record gets the next number
    everybodys: bool = False  # it answers every owner that has none of its name

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.function.name

    def in_place_of(self, before: FunctionRecord) -> FunctionRecord:
        """Return this with what the record before had beside its code: only $LATEST is another one."""
        function = structs.replace(before.function, latest=self.function.latest)
        return structs.replace(self, function=function, versions=before.versions | self.versions)

    @property
    def latest(self) -> Runnable:
        """The version that is run unless a caller asks for another one."""
        return self.versions[LATEST]


class ResolvedVersion(Struct, frozen=True):
    """Everything that an invocation needs to know of the function version it runs on.

    An immutable snapshot that is taken once for each invocation and never looked up again.
    """

    spec: FunctionSpec
    code: CodeRef
    settings: FunctionSettings
    arn: str  # of the version: pools and queues are keyed by it
    invoked_arn: str  # as the caller named the function, qualifier included
    concurrency: int  # execution environments at once, apart from provisioned ones
    max_queued: int
    revision: int  # of what is run; a higher one means newer code for the same ARN
    event_invoke: EventInvoke | None = None  # how events are tried, and where they go then
    dead_letter_arn: str | None = None  # where events go that have failed
    may_recurse: bool = False  # invocations are not stopped when they go round in a loop
    policy: Policy | None = None  # of the ARN as it is invoked
    directories: tuple[str, ...] = ()  # whose files may change at any time: then it needs new environments
    tenancy: Tenancy = Tenancy.OPTIONAL


class Stale(NamedTuple):
    """A write that was not made, because the record is not at the expected revision any more."""

    revision: int | None  # of the record as it is now; None: there is none


class Catalog(Protocol):
    """Keeps the functions of every owner. No owner, or None, stands for the one of unsigned callers.

    `resolve` and `names` answer from what this server knows and never wait: each invocation asks. Writes are compare
    and set, and return when they are as durable as the catalog makes them.
    """

    def resolve(self, function: str, qualifier: str | None = None, caller: Owner | None = None) -> ResolvedVersion:
        """Return the version that a name, a partial or a full ARN stands for, if `caller` uses it.

        Raises InvalidParameterValueException for what is none of these, ResourceNotFoundException for a function or
        qualifier that is not there, or is in another region than a caller who signs.
        """

    @property
    def urls(self) -> UrlIndex:
        """The function URLs of what is there now."""

    def names(self) -> list[str]:
        """Return every name that can be invoked, sorted."""

    def get(self, name: str, owner: Owner | None = None) -> FunctionRecord | None:
        """Return the record of an owner's function by its own name."""

    def functions(self, owner: Owner | None = None) -> Mapping[str, Function]:
        """Return what an owner sees of every function, by its own name: a view of what is there now."""

    async def put(self, record: FunctionRecord, expected: int | None) -> FunctionRecord | Stale:
        """Write a record in place of the one at revision `expected`; None: there must be none.

        Returns the record with its new revision.
        """

    async def remove(self, name: str, expected: int, owner: Owner | None = None) -> FunctionRecord | Stale:
        """Remove the record of a function that is at revision `expected`; returns what it was."""
