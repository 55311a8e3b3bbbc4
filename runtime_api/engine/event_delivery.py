"""Sends an event that has its verdict on: to a queue, a topic, a bucket, an event bus or a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runtime_api.service.errors import ServiceError
from runtime_api.service.invocation_records import dead_letter, invocation_record, record_key
from runtime_api.service.owners import Caller, Owner
from runtime_api.service.queued_event import Condition, DeliveryKind
from runtime_api.store.aws_requests import AwsError

from .destinations import Destinations
from .invoker import EVENT, InvokeRequest, Queued

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from runtime_api.service.queued_event import Delivery, QueuedEvent, Verdict

    from .aws_clients import AwsClients
    from .invoker import Invoker

    Deliver = Callable[[QueuedEvent, Delivery], Awaitable["Undelivered | None"]]

__all__ = ["Deliver", "EventDelivery", "Undelivered"]


class Undelivered(NamedTuple):
    """Why a delivery could not be made."""

    reason: str
    is_lasting: bool  # another attempt would end alike


class EventDelivery:
    """Makes one delivery at a time, once; whether it is tried again is not decided here."""

    def __init__(self, clients: AwsClients, invoker: Invoker) -> None:
        self._destinations = Destinations(clients)
        self._invoker = invoker
        self._senders: dict[str, Callable[[QueuedEvent, Verdict, str], Awaitable[object]]] = {
            "sqs": self._to_queue,
            "sns": self._to_topic,
            "s3": self._to_bucket,
            "events": self._to_event_bus,
            "lambda": self._to_function,
        }

    async def deliver(self, event: QueuedEvent, delivery: Delivery) -> Undelivered | None:
        """Make a delivery of an event that has its verdict; returns why it could not be made."""
        verdict, target = event.verdict, delivery.target
        assert verdict is not None
        parts = target.split(":", 5)
        service = parts[2] if len(parts) == 6 else ""
        try:
            if delivery.kind is DeliveryKind.DEAD_LETTER and service in ("sqs", "sns"):
                await self._send_dead_letter(event, verdict, target, service)
            elif delivery.kind is DeliveryKind.DESTINATION and service in self._senders:
                await self._senders[service](event, verdict, target)
            else:
                return Undelivered(f"it is no target that a {delivery.kind} can have", True)
        except AwsError as error:
            return Undelivered(str(error), error.is_lasting)
        except ServiceError as error:
            return Undelivered(error.message, error.fault == "User")
        return None

    async def _send_dead_letter(self, event: QueuedEvent, verdict: Verdict, target: str, service: str) -> None:
        letter = dead_letter(event, verdict)
        attributes = {
            name: {"DataType": kind, "StringValue": value} for name, (kind, value) in letter.attributes.items()
        }
        if service == "sqs":
            await self._send_message(event, target, letter.body, MessageAttributes=attributes)
        else:
            await self._destinations.to_topic(target, letter.body, MessageAttributes=attributes)

    async def _to_queue(self, event: QueuedEvent, verdict: Verdict, target: str) -> None:
        await self._send_message(event, target, invocation_record(event, verdict).decode())

    async def _to_topic(self, event: QueuedEvent, verdict: Verdict, target: str) -> None:
        await self._destinations.to_topic(target, invocation_record(event, verdict).decode())

    async def _to_bucket(self, event: QueuedEvent, verdict: Verdict, target: str) -> None:
        record, key = invocation_record(event, verdict), record_key(event, verdict)
        await self._destinations.to_bucket(target, key, record, event.invocation.function_arn)

    async def _to_event_bus(self, event: QueuedEvent, verdict: Verdict, target: str) -> None:
        ending = "Success" if verdict.condition is Condition.SUCCESS else "Failure"
        entry = {
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {ending}",
            "Detail": invocation_record(event, verdict).decode(),
            "Resources": [target, event.invocation.function_arn],
            "EventBusName": target,
        }
        answer = await self._destinations.call(target, "events", "PutEvents", Entries=[entry])
        for refused in answer.get("Entries", ()) if answer.get("FailedEntryCount") else ():
            raise AwsError(f"PutEvents: {refused.get('ErrorCode')}: {refused.get('ErrorMessage')}")

    async def _to_function(self, event: QueuedEvent, verdict: Verdict, target: str) -> None:
        region, account = event.invocation.function_arn.split(":")[3:5]
        request = InvokeRequest(
            target,
            invocation_record(event, verdict),
            type=EVENT,
            trace=event.invocation.trace,  # a chain that comes back to its first function is a loop
            caller=Caller(Owner(account, region)),
        )
        result = await self._invoker.submit(self._invoker.check(request))
        if not isinstance(result, Queued):
            raise AwsError(f"the function takes no more events now ({type(result).__name__})")

    async def _send_message(self, event: QueuedEvent, target: str, body: str, **more: Any) -> None:
        trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": event.invocation.trace}}
        await self._destinations.to_queue(target, body, MessageSystemAttributes=trace, **more)
