"""The functions behind event source mappings, invoked as any caller of their account would."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runtime_api.service.errors import ServiceError
from runtime_api.service.owners import Caller, Owner
from runtime_api.service.seams.dispatch import Unavailable
from runtime_api.service.seams.event_queue import Full
from runtime_api.service.shares import capacity_of

from .invoker import InvokeRequest, Queued, Verified
from .sources import FunctionFacts

if TYPE_CHECKING:
    from runtime_api.service.seams.catalog import Catalog
    from runtime_api.service.seams.dispatch import RunResult

    from .invoker import Invoker

__all__ = ["MappedFunctions"]


class MappedFunctions:
    """Implements `Functions` of engine/sources for the functions of a catalog."""

    def __init__(self, catalog: Catalog, invoker: Invoker) -> None:
        self._catalog = catalog
        self._invoker = invoker

    async def invoke(self, function_arn: str, payload: bytes, trace: str | None = None) -> RunResult:
        """Invoke a function through the ordinary dispatch, with its share of the concurrency."""
        request = InvokeRequest(function_arn, payload, trace=trace, caller=Caller(_owner(function_arn)))
        try:
            # The invocation goes on when a poller ends.
            result = await asyncio.shield(self._invoker.submit(self._invoker.check(request)))
        except ServiceError as error:
            return Unavailable(error.message)
        assert not isinstance(result, Queued | Full | Verified)  # they answer other types of invocations
        return result

    def capacity(self, function_arn: str) -> int:
        """Return how many invocations of a function can run at once; 0 where it is not there."""
        owner = _owner(function_arn)
        try:
            version = self._catalog.resolve(function_arn, None, owner)
        except ServiceError:
            return 0
        function, environments = self._catalog.functions(owner).get(function_arn.split(":")[6]), version.concurrency
        if function is not None:
            environments = capacity_of(function, version.arn.split(":")[7], environments)
        return environments * version.settings.slots

    def about(self, function_arn: str) -> FunctionFacts | None:
        """Return what a function is; None where it is not there."""
        owner = _owner(function_arn)
        try:
            number = self._catalog.resolve(function_arn, None, owner).arn.split(":")[7]
        except ServiceError:
            return None
        function = self._catalog.functions(owner).get(function_arn.split(":")[6])
        version = None if function is None else function.version(number)
        return FunctionFacts(number, "" if version is None else version.configuration.role)


def _owner(function_arn: str) -> Owner:
    region, account = function_arn.split(":")[3:5]
    return Owner(account, region)
