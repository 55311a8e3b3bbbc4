"""From a caller's request to an invocation, and what is judged on the way."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from runtime_api.protocol.events import Invocation
from runtime_api.service.arns import LATEST, parse_function_name
from runtime_api.service.errors import (
    InvalidParameterValueException,
    InvalidRequestContentException,
    RequestTooLargeException,
    ResourceNotFoundException,
)
from runtime_api.service.records import FunctionConfiguration

from .ids import invocation_id, trace_header, uuid4

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from runtime_api.protocol.limits import Limits

    from .environment import InvokeResult
    from .pool import Pool

__all__ = ["DRY_RUN", "EVENT", "REQUEST_RESPONSE", "Accepted", "InvokeRequest", "Invoker"]

REQUEST_RESPONSE = "RequestResponse"
EVENT = "Event"
DRY_RUN = "DryRun"
TAIL = "Tail"
SHOWN_NAMES = 20
_TYPES = frozenset({REQUEST_RESPONSE, EVENT, DRY_RUN})

_scan = msgspec.json.Decoder(msgspec.Raw).decode


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


class Accepted(msgspec.Struct, frozen=True):
    """A request that has been found good, and what became of it."""

    function: FunctionConfiguration
    invocation: Invocation
    request: InvokeRequest


class _Served(NamedTuple):
    """A function that can be invoked."""

    configuration: FunctionConfiguration
    pool: Pool
    max_queued: int  # how many of its invocations may wait for want of an environment
    arn: str  # as invoked without a qualifier


class Invoker:
    """Runs the functions that it was told of, under their own names and their other ones."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._served: dict[str, _Served] = {}

    @property
    def names(self) -> list[str]:
        """What can be invoked, in the order of the alphabet."""
        return sorted(self._served)

    def serve(
        self, configuration: FunctionConfiguration, pool: Pool, max_queued: int, other_names: Iterable[str] = ()
    ) -> None:
        """From now on, this function answers to its name, and to these."""
        served = _Served(configuration, pool, max_queued, configuration.arn())
        self._served.update(dict.fromkeys((configuration.name, *other_names), served))

    def check(self, request: InvokeRequest) -> Accepted:
        """Judge a request and make the invocation of it; a ServiceError says why not."""
        served, qualifier = self._resolve(request)
        if request.type not in _TYPES:
            raise InvalidParameterValueException(
                f"Invocation type {request.type!r} is none of {REQUEST_RESPONSE}, {EVENT} and {DRY_RUN}"
            )
        if request.log_type not in ("None", TAIL):
            raise InvalidParameterValueException(f"Log type {request.log_type!r} is neither None nor {TAIL}")
        limits = self._limits
        size = limits.async_request_bytes if request.type == EVENT else limits.request_bytes
        if len(request.payload) > size:
            raise self.too_large(size)
        payload = request.payload or b"{}"
        check_json(payload)
        invocation = Invocation(
            uuid4(),
            invocation_id(),
            served.configuration.arn(qualifier) if qualifier else served.arn,
            payload,
            trace_header(request.trace),
            client_context=self._client_context(request.client_context),
            tenant_id=request.tenant_id,
        )
        return Accepted(served.configuration, invocation, request)

    def submit(self, accepted: Accepted) -> asyncio.Future[InvokeResult]:
        """Run what `check` made; an Event may always wait for its turn."""
        request = accepted.request
        _, pool, max_queued, _ = self._served[accepted.function.name]
        if request.type == EVENT:
            max_queued = self._limits.waiting_invocations
        return pool.submit(accepted.invocation, request.log_type == TAIL, max_queued)

    def too_large(self, size: int | None = None) -> RequestTooLargeException:
        """The refusal of an event over the limit, in bytes."""
        limit = self._limits.request_bytes if size is None else size
        return RequestTooLargeException(
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        )

    def _resolve(self, request: InvokeRequest) -> tuple[_Served, str | None]:
        """The function and the qualifier that the caller used; ResourceNotFoundException when there is none such."""
        served = self._served.get(request.function)
        if served is not None and request.qualifier is None:
            return served, None
        named = parse_function_name(request.function, request.qualifier)
        served, qualifier = self._served.get(named.name), named.qualifier
        if served is not None and qualifier in (None, LATEST, served.configuration.version):
            return served, qualifier
        asked = FunctionConfiguration(named.name) if served is None else served.configuration
        raise ResourceNotFoundException(f"Function not found: {asked.arn(qualifier)} (known here: {self._known()})")

    def _known(self) -> str:
        names = self.names
        more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
        return ", ".join(names[:SHOWN_NAMES]) + more or "none"

    def _client_context(self, given: str | None) -> str | None:
        if not given:
            return None
        if len(given) > self._limits.client_context_bytes:
            raise InvalidRequestContentException(
                f"Client context is larger than {self._limits.client_context_bytes} bytes"
            )
        try:
            text = base64.b64decode(given, validate=True).decode()
            check_json(text.encode())
            if not text.lstrip().startswith("{"):
                raise InvalidRequestContentException(text)
        except (binascii.Error, UnicodeDecodeError, InvalidRequestContentException):
            raise InvalidRequestContentException(
                "Client context must be a valid Base64-encoded JSON object"
            ) from None
        return text


def check_json(payload: bytes) -> None:
    """InvalidRequestContentException when the payload is not JSON in UTF-8.

    msgspec judges first, without making objects of what it reads (5 MB of records in 5 ms, where a parser takes 100);
    what it refuses though it is JSON (a lone surrogate), `json` judges again.
    """
    try:
        if not payload.isascii():
            payload.decode()
        _scan(payload)
    except UnicodeDecodeError as error:
        raise _not_json(f"not UTF-8 at byte {error.start}") from None
    except (msgspec.DecodeError, RecursionError):
        try:
            json.loads(payload.decode(), parse_int=str, parse_float=str, parse_constant=_no_constant)
        except RecursionError:
            raise _not_json("nested too deeply") from None
        except ValueError as error:
            raise _not_json(str(error)) from None


def _not_json(reason: str) -> InvalidRequestContentException:
    return InvalidRequestContentException(f"Could not parse request body into json: {reason}")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
