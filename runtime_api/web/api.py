"""Every request to the public port but Invoke: health, Lambda's other operations, logs, events, function URLs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from runtime_api.engine.links import PACKAGES
from runtime_api.service.codec import Request, decode, encode
from runtime_api.service.errors import (
    NotSupportedException,
    RequestEntityTooLargeException,
    ServiceError,
    UnknownOperationException,
)
from runtime_api.service.operations import find, methods_at
from runtime_api.service.seams.dispatch import InvokeResult
from runtime_api.service.signatures import SignedRequest
from runtime_api.service.validation import check_parameters

from . import events, invoke, logs, replies, streams
from .streams import StreamedReply, settled
from .urls import FunctionUrls, http_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.engine.event_service import EventService
    from runtime_api.engine.invoker import Invoker
    from runtime_api.engine.log_service import LogService
    from runtime_api.engine.management import Management
    from runtime_api.service.operations import Operation
    from runtime_api.service.owners import Caller

    from .callers import Callers
    from .guard import Guard
    from .http1.exchange import Exchange
    from .replies import PlainReply
    from .urls import UrlPlace

__all__ = ["Api"]

HEALTH = "/_bootjack/health"
INVOKE_ASYNC = "InvokeAsync"
STATUS_ACCEPTED = orjson.dumps({"Status": replies.ACCEPTED})
ZIP = "Content-Type: application/zip\r\n"
EXPIRED = replies.service_reply("AccessDeniedException", "This link was not made by this server, or has expired")
OPERATION_BYTES = 70_167_211  # what Lambda takes: a package of 50 MB in base64, and the rest of a request


class Api:
    """Answers every request."""

    def __init__(
        self,
        invoker: Invoker,
        management: Management,
        guard: Guard,
        callers: Callers,
        event_bytes: int,
        log_service: LogService | None,
        event_service: EventService | None,
    ) -> None:
        self._log_service = log_service
        self._event_service = event_service
        self._invoker = invoker
        self._management = management
        self._guard = guard
        self._callers = callers
        self._event_bytes = event_bytes
        self._urls = FunctionUrls(invoker, guard, callers)

    def objection(self, exchange: Exchange) -> PlainReply | None:
        """Return the refusal of a request that may not come from where it comes, by its head."""
        place = self._urls.find(exchange.headers.get(b"host", b""), exchange.path)
        if place is not None:
            return self._urls.objection(place, exchange.headers)
        objection = self._guard.objection(exchange.headers)
        return None if objection is None else replies.foreign(objection)

    def most_bytes(self, exchange: Exchange) -> int:
        """Return how large the body of a request may be, by its head."""
        path = exchange.path
        if invoke.streamed_function_in(path) is not None or self._place(exchange) is not None:
            return self._event_bytes
        text = path.decode("latin-1")
        if exchange.method == b"POST" and logs.operation_in(text, exchange.headers) is not None:
            return logs.MOST_BYTES
        if self._event_service is not None and events.is_ours(text):
            return events.MOST_BYTES
        return 0 if _operation(exchange, _asked(exchange)) is None else OPERATION_BYTES

    async def reply(self, exchange: Exchange, body: bytes | None) -> PlainReply | StreamedReply:
        """Answer a request; `body` is None for one of more than `most_bytes`."""
        refused = self.objection(exchange)
        if refused is not None:
            return refused
        place = self._place(exchange)
        streamed = invoke.streamed_function_in(exchange.path)
        try:
            if place is None and streamed is None:
                return await self._other(exchange, body)
            if place is None and exchange.method != b"POST":
                return replies.method_not_allowed("POST")
            if body is None:
                raise self._invoker.too_large()
            signed = SignedRequest(exchange.method, exchange.path, exchange.query, exchange.headers, body)
            if place is not None:
                return await self._urls.reply(place, http_request(exchange, place, body), signed)
            assert streamed is not None
            return await self._stream(exchange, streamed, signed)
        except ServiceError as error:
            return invoke.error_reply(error)
        except Exception as error:
            asked = f"{exchange.method.decode('latin-1')} {exchange.path.decode('latin-1')}"
            return invoke.defect_reply(f"{asked} failed", error)

    def _place(self, exchange: Exchange) -> UrlPlace | None:
        return self._urls.find(exchange.headers.get(b"host", b""), exchange.path)

    async def _other(self, exchange: Exchange, body: bytes | None) -> PlainReply:
        headers, method, raw_path = (
            exchange.headers,
            exchange.method.decode("latin-1"),
            exchange.path.decode("latin-1"),
        )
        asked = _asked(exchange)
        signed = SignedRequest(exchange.method, exchange.path, exchange.query, headers, body or b"")
        if raw_path == HEALTH:
            return self._health(method)
        if self._event_service is not None and events.is_ours(raw_path):
            return await self._events(method, signed, asked)
        logs_operation = logs.operation_in(raw_path, headers) if method == "POST" else None
        if logs_operation is not None:
            return await self._logs(logs_operation, signed, asked, body)
        if raw_path.startswith(PACKAGES) and method == "GET":
            package = await self._management.package(raw_path.removeprefix(PACKAGES), asked)
            return EXPIRED if package is None else replies.PlainReply(replies.OK, ZIP, package)
        found = _operation(exchange, asked)
        if found is None and (allowed := methods_at(raw_path)):
            return replies.method_not_allowed(", ".join(allowed))
        if found is None:
            raise UnknownOperationException(f"{method} {raw_path} is no operation of Lambda's API")
        name = found.operation.name
        if name != INVOKE_ASYNC and not self._management.serves(found.operation):
            raise NotSupportedException(f"{name} is not supported by bootjack")
        if body is None:
            raise RequestEntityTooLargeException(
                f"Request must be smaller than {OPERATION_BYTES} bytes for the {name} operation"
            )
        self._callers.check(signed, asked)
        parameters = decode(found.operation, Request(found.labels, asked, headers, body))
        caller = self._callers.of(headers, asked)
        if name == INVOKE_ASYNC:
            return await self._invoke_async(found.operation, parameters, caller)
        server = f"http://{headers.get(b'host', b'').decode('latin-1')}"
        owner = None if caller is None else caller.owner
        return _written(found.operation, await self._management.perform(found.operation, parameters, server, owner))

    async def _invoke_async(
        self, operation: Operation, parameters: Mapping[str, Any], caller: Caller | None
    ) -> PlainReply:
        """Queue an event; the answer has the status in its body, too."""
        check_parameters(operation.input or "", parameters)
        name, payload = parameters["FunctionName"], parameters["InvokeArgs"]
        accepted, pending = invoke.begin_async(self._invoker, caller, name, payload)
        with suppress(Exception):
            await asyncio.shield(pending)
        reply = invoke.result_reply(accepted, pending)
        if reply.status != replies.ACCEPTED:
            return reply
        return replies.PlainReply(reply.status, replies.JSON + reply.headers, STATUS_ACCEPTED)

    async def _events(self, method: str, signed: SignedRequest, asked: Mapping[str, list[str]]) -> PlainReply:
        assert self._event_service is not None
        self._callers.check(signed, asked)
        caller, path = self._callers.of(signed.headers, asked), signed.path.decode("latin-1")
        owner = None if caller is None else caller.owner
        return await events.answer(self._event_service, method, path, asked, signed.body, owner)

    async def _logs(
        self, operation: str, signed: SignedRequest, asked: Mapping[str, list[str]], body: bytes | None
    ) -> PlainReply:
        if body is not None:
            self._callers.check(signed, asked)
        caller = self._callers.of(signed.headers, asked)
        return await logs.answer(self._log_service, operation, body, None if caller is None else caller.owner)

    def _health(self, method: str) -> PlainReply:
        if method not in ("GET", "HEAD"):
            return replies.method_not_allowed("GET")
        document = {"status": "ok", "functions": self._invoker.names}
        return replies.PlainReply(replies.OK, replies.JSON, orjson.dumps(document))

    async def _stream(self, exchange: Exchange, function: str, signed: SignedRequest) -> PlainReply | StreamedReply:
        self._callers.check(signed, _asked(exchange))
        accepted, pending = invoke.begin(
            self._invoker, self._callers, function, signed.query, signed.headers, signed.body, streamed=True
        )
        result = await settled(pending)
        if isinstance(result, InvokeResult):
            return streams.event_stream(accepted, result)
        return invoke.result_reply(accepted, pending)


def _written(operation: Operation, result: Mapping[str, Any]) -> PlainReply:
    """An operation's result as an answer."""
    answer = encode(operation, result)
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    return replies.PlainReply(answer.status, (replies.JSON if answer.body else "") + headers, answer.body)


def _asked(exchange: Exchange) -> dict[str, list[str]]:
    """The query of a request, decoded."""
    return parse_qs(exchange.query.decode("latin-1"), keep_blank_values=True)


def _operation(exchange: Exchange, asked: Mapping[str, list[str]]) -> Any:
    """The operation of Lambda's API that a request asks for; None when it asks for none."""
    return find(exchange.method.decode("latin-1"), exchange.path.decode("latin-1"), asked)
