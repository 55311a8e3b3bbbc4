"""On-failure documents: what a destination gets of records that were given up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from .attempts import GivenUp

__all__ = ["StreamNames", "failure_document", "failure_key"]


class StreamNames(NamedTuple):
    """Where the records of a document are from."""

    mapping: str  # its UUID
    function_arn: str  # as the mapping names it
    stream_arn: str
    shard: str


def failure_document(
    given_up: GivenUp, names: StreamNames, request_id: str, now_ms: float, payload: bytes | None = None
) -> bytes:
    """Return the document; buckets also get the `payload`, the event that the function could not handle.

    `request_id` is that of the last attempt. There is no response context where the age of records was the reason.
    """
    batch, answer = given_up.batch, given_up.answer
    document: dict[str, Any] = {
        "requestContext": {
            "requestId": request_id,
            "functionArn": names.function_arn,
            "condition": given_up.condition,
            "approximateInvokeCount": batch.attempts,
        }
    }
    if answer is not None:
        document["responseContext"] = {
            "statusCode": 200,
            "executedVersion": answer.version,
            "functionError": answer.function_error,
        }
    first, last = batch.records[0], batch.records[-1]
    is_kinesis = names.stream_arn.split(":")[2] == "kinesis"
    digits = "milliseconds" if is_kinesis else "seconds"
    document["version"] = "1.0"
    document["timestamp"] = _time(now_ms)
    document["KinesisBatchInfo" if is_kinesis else "DDBStreamBatchInfo"] = {
        "shardId": names.shard,
        "startSequenceNumber": first.sequence_number,
        "endSequenceNumber": last.sequence_number,
        "approximateArrivalOfFirstRecord": _time(first.arrived_ms, digits),
        "approximateArrivalOfLastRecord": _time(last.arrived_ms, digits),
        "batchSize": len(batch.records),
        "streamArn": names.stream_arn,
    }
    if payload is not None:
        document["payload"] = orjson.Fragment(payload)
    return orjson.dumps(document)


def failure_key(names: StreamNames, request_id: str, now_ms: float) -> str:
    """Return the name of the object in which a bucket gets a document (AWS, "Retaining discarded batches")."""
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    return f"aws/lambda/{names.mapping}/{names.shard}/{at:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{request_id}"


def _time(at_ms: float, digits: str = "milliseconds") -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec=digits).replace("+00:00", "Z")
