"""Tells a mapping's on-failure destination of the records that were given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.engine.destinations import Destinations
from runtime_api.service.streams.failures import StreamNames, failure_document, failure_key
from runtime_api.service.streams.records import batch_event
from runtime_api.store.aws_requests import AwsError

if TYPE_CHECKING:
    from runtime_api.service.streams.attempts import GivenUp

    from . import SourceContext

__all__ = ["FailureReports"]


class FailureReports:
    """Sends for one shard."""

    def __init__(self, context: SourceContext, shard: str) -> None:
        mapping = context.mapping
        arn = mapping.settings.event_source_arn or ""
        self._names = StreamNames(mapping.uuid, mapping.function_arn, arn, shard)
        config = (mapping.settings.destination_config or {}).get("OnFailure", {})
        self._target = config.get("Destination")
        self._destinations = Destinations(context.clients)
        self._note = context.note

    async def send(self, given_up: GivenUp, request_id: str, now_ms: float) -> None:
        """Send once, and write a line to the log; AwsError when the destination cannot be told.

        `request_id` names what was given up where no attempt does. The same values make the same object in a bucket.
        """
        records, target = given_up.batch.records, self._target
        if given_up.answer is not None:
            request_id = given_up.answer.request_id
        if target is not None:
            await self._send(target, given_up, request_id, now_ms)
        first, last = records[0].sequence_number, records[-1].sequence_number
        which = f"record {first}" if len(records) == 1 else f"{len(records)} records, {first} to {last},"
        where = "" if target is None else f"; {target} was told"
        self._note(f"shard {self._names.shard}: {which} given up: {given_up.condition}{where}")

    async def _send(self, target: str, given_up: GivenUp, request_id: str, now_ms: float) -> None:
        service = target.split(":")[2]
        if service == "s3":
            payload = batch_event(given_up.batch.records)
            document = failure_document(given_up, self._names, request_id, now_ms, payload)
            key = failure_key(self._names, request_id, now_ms)
            await self._destinations.to_bucket(target, key, document, self._names.stream_arn)
            return
        text = failure_document(given_up, self._names, request_id, now_ms).decode()
        if service == "sqs":
            await self._destinations.to_queue(target, text)
        elif service == "sns":
            await self._destinations.to_topic(target, text)
        else:
            raise AwsError(f"{target} is no queue, topic or bucket", is_lasting=True)
