"""From a caller's request to an invocation, and from there to a seam: `Dispatch` at once, or `EventQueue` first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runtime_api.protocol.events import Invocation
from runtime_api.service.errors import RecursiveInvocationException, RequestTooLargeException, ServiceError
from runtime_api.service.lineage import is_loop, with_lineage
from runtime_api.service.permissions import INVOKE, check_permission, opens_url
from runtime_api.service.queued_event import QueuedEvent
from runtime_api.service.refusals import SHUT_DOWN
from runtime_api.service.seams.dispatch import Unavailable
from runtime_api.service.seams.event_queue import Full, Queued
from runtime_api.service.tenancy import Tenancy, check_tenant
from runtime_api.service.validation import check_parameters

from .clock import Clock
from .ids import new_ids
from .payloads import check_json, decode_client_context
from .promise import Promise

if TYPE_CHECKING:
    from runtime_api.protocol.limits import Limits
    from runtime_api.service.owners import Caller
    from runtime_api.service.permissions import Source
    from runtime_api.service.seams.catalog import Catalog, ResolvedVersion
    from runtime_api.service.seams.dispatch import Dispatch, Pending, RunResult
    from runtime_api.service.seams.event_queue import EventQueue
    from runtime_api.service.url_index import ServedUrl

__all__ = ["DRY_RUN", "EVENT", "REQUEST_RESPONSE", "Accepted", "InvokeRequest", "Invoker", "Queued", "Verified"]

REQUEST_RESPONSE = "RequestResponse"
EVENT = "Event"
DRY_RUN = "DryRun"
TAIL = "Tail"
RECURSIVE = (
    "Lambda detected the specified function being invoked in a recursive loop with other AWS resources and stopped "
    "invoking."
)
_TYPES = (REQUEST_RESPONSE, EVENT, DRY_RUN)
_STREAMED_TYPES = (REQUEST_RESPONSE, DRY_RUN)
_LOG_TYPES = ("None", TAIL)


class InvokeRequest(msgspec.Struct, frozen=True):
    """What a caller asks for; header values as they came."""

    function: str
    payload: bytes = b""
    qualifier: str | None = None
    type: str = REQUEST_RESPONSE
    log_type: str = "None"
    client_context: str | None = None
    trace: str | None = None
    tenant_id: str | None = None
    caller: Caller | None = None  # None: it does not sign
    source: Source | None = None  # what a service of AWS's invokes it for
    request_id: str | None = None  # where the payload tells it; None: a new one
    streamed: bool = False  # the response is read as it comes


class Accepted(msgspec.Struct, frozen=True):
    """A valid request, the version that it runs on, and the invocation made of it."""

    version: ResolvedVersion
    invocation: Invocation
    request: InvokeRequest


class Verified(msgspec.Struct, frozen=True):
    """The dry run has found nothing wrong."""


class Invoker:
    """Invokes the functions of a catalog."""

    def __init__(
        self,
        catalog: Catalog,
        dispatch: Dispatch,
        queue: EventQueue,
        limits: Limits,
        *,
        enforces_policies: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """`enforces_policies`: other accounts and services need a permission; `clock`: by which events are due."""
        self._clock = clock or Clock()
        self._enforces_policies = enforces_policies
        self._catalog = catalog
        self._dispatch = dispatch
        self._queue = queue
        self._limits = limits
        self._closed = False

    @property
    def names(self) -> list[str]:
        """What can be invoked, sorted."""
        return self._catalog.names()

    def url(self, url_id: str) -> ServedUrl | None:
        """Return the function URL with this id."""
        return self._catalog.urls.by_id(url_id)

    def url_of(self, function: str) -> ServedUrl | None:
        """Return the function URL of a function or an alias; raises a ServiceError when that is not there."""
        return self._catalog.urls.by_arn(self._catalog.resolve(function).invoked_arn)

    def opens(self, served: ServedUrl) -> bool:
        """Whether a function URL of AuthType NONE may be used: where policies are enforced, one has to allow it."""
        function = served.function
        if not self._enforces_policies or not function.latest.code.reference:
            return True  # a function of the command line has its URL because its owner asked for one
        return opens_url(function.policies.get(served.policy))

    def check(self, request: InvokeRequest) -> Accepted:
        """Validate a request and make the invocation of it, or raise a ServiceError."""
        caller = request.caller
        try:
            version = self._catalog.resolve(request.function, request.qualifier, caller and caller.owner)
        except ServiceError:
            _check_constraints(request)
            raise
        if self._enforces_policies and caller is not None:
            arn, account = version.invoked_arn, version.spec.account
            check_permission(version.policy, INVOKE, account, arn, caller, request.source)
        kind, limits = request.type, self._limits
        if kind not in (_STREAMED_TYPES if request.streamed else _TYPES) or request.log_type not in _LOG_TYPES:
            _check_constraints(request)
        size = limits.async_request_bytes if kind == EVENT else limits.request_bytes
        if len(request.payload) > size:
            raise self.too_large(size)
        if request.tenant_id is not None or version.tenancy is Tenancy.REQUIRED:
            _check_constraints(request)
            check_tenant(version.tenancy, request.tenant_id)
        payload = request.payload or b"{}"
        check_json(payload)
        request_id, delivery, trace = new_ids()
        if request.trace:
            trace = self._counted(request.trace, version, kind)
        context = request.client_context
        if context:
            context = decode_client_context(context, limits.client_context_bytes)
        invocation = Invocation(
            request.request_id or request_id,
            delivery,
            version.invoked_arn,
            payload,
            trace,
            context,
            None,
            request.tenant_id,
            request.streamed,
        )
        return Accepted(version, invocation, request)

    def submit(self, accepted: Accepted) -> Pending[RunResult | Queued | Full | Verified]:
        """Run what `check` made: at once, when the event is due, or not at all for a dry run."""
        request = accepted.request
        if self._closed:
            return _at_once(Unavailable(SHUT_DOWN))
        if request.type == REQUEST_RESPONSE:
            return self._dispatch.run(accepted.version, accepted.invocation, request.log_type == TAIL)
        if request.type == DRY_RUN:
            return _at_once(Verified())
        now_ms = self._clock.now_ms()
        return self._queue.put(QueuedEvent(accepted.invocation, now_ms), now_ms)

    def too_large(self, size: int | None = None) -> RequestTooLargeException:
        """Return the refusal of a payload over the limit, in bytes."""
        limit = self._limits.request_bytes if size is None else size
        return RequestTooLargeException(
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        )

    async def close(self) -> None:
        """Accept nothing more; returns once every event that was accepted is in the queue."""
        self._closed = True
        await self._queue.settled()

    def _counted(self, trace: str, version: ResolvedVersion, kind: str) -> str:
        """Count this invocation in its chain. A chain that has become a loop is stopped: events once they are due."""
        trace = with_lineage(trace, version.spec.arn())
        if kind != EVENT and is_loop(trace) and not version.may_recurse:
            raise RecursiveInvocationException(RECURSIVE)
        return trace


def _at_once(result: Unavailable | Verified) -> Promise[Unavailable | Verified]:
    promise: Promise[Unavailable | Verified] = Promise()
    promise.set_result(result)
    return promise


def _check_constraints(request: InvokeRequest) -> None:
    """Raise ValidationException for what breaks constraints of the model: Lambda reports that before all else."""
    given = {
        "FunctionName": request.function,
        "InvocationType": request.type,
        "LogType": request.log_type,
        "Qualifier": request.qualifier,
        "TenantId": request.tenant_id,
    }
    shape = "InvokeWithResponseStreamRequest" if request.streamed else "InvocationRequest"
    check_parameters(shape, {name: value for name, value in given.items() if value is not None})
