"""Records for destinations and dead letters: their fields, and payloads byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from runtime_api.service.invocation_records import dead_letter, invocation_record, record_key
from runtime_api.service.queued_event import Condition, QueuedEvent, Verdict
from tests.service.versions import an_invocation

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
AT_MS = 1_767_323_045_006.0
FAILURE = b'{"errorMessage":"boom","errorType":"E"}'


def an_event(payload: bytes = b'{"a": 1}', arn: str = ARN, **fields: Any) -> QueuedEvent:
    return QueuedEvent(replace(an_invocation("id", payload), function_arn=arn), AT_MS, **fields)


def a_verdict(condition: Condition, **fields: Any) -> Verdict:
    return Verdict(condition, AT_MS, **fields)


def test_the_record_of_a_success() -> None:
    verdict = a_verdict(Condition.SUCCESS, version="$LATEST", response=b'{"b": 2}')
    assert json.loads(invocation_record(an_event(), verdict)) == {
        "version": "1.0",
        "timestamp": "2026-01-02T03:04:05.006Z",
        "requestContext": {
            "requestId": "id",
            "functionArn": f"{ARN}:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"a": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"b": 2},
    }


def test_the_record_of_a_failure() -> None:
    verdict = a_verdict(
        Condition.RETRIES_EXHAUSTED, version="3", function_error="Unhandled", response=b'{"errorMessage":"boom"}'
    )
    record = json.loads(invocation_record(an_event(arn=f"{ARN}:live", failures=3), verdict))
    assert record["requestContext"] == {
        "requestId": "id",
        "functionArn": f"{ARN}:live",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "3", "functionError": "Unhandled"}
    assert record["responsePayload"] == {"errorMessage": "boom"}


def test_the_record_of_an_event_that_has_not_run_has_no_response() -> None:
    record = json.loads(invocation_record(an_event(), a_verdict(Condition.ZERO_CONCURRENCY, status=429)))
    assert "responseContext" not in record
    assert "responsePayload" not in record
    assert record["requestContext"]["approximateInvokeCount"] == 0


@pytest.mark.parametrize(
    ("response", "shown"),
    [(b"", None), (b"plain text", "plain text"), (b"\xff", "\ufffd"), (b"[1.0, 12345678901234567890]", None)],
)
def test_responses_are_shown_as_they_are(response: bytes, shown: Any) -> None:
    record = invocation_record(an_event(), a_verdict(Condition.SUCCESS, version="1", response=response))
    if response.startswith(b"["):
        assert response in record
    else:
        assert json.loads(record)["responsePayload"] == shown


def test_a_request_is_in_the_record_byte_for_byte() -> None:
    payload = b'{"b":1,  "a":"\\u00e9\xc3\xa9", "n":1e400}'
    assert b'"requestPayload":' + payload in invocation_record(an_event(payload), a_verdict(Condition.SUCCESS))


def test_a_dead_letter_is_the_payload_with_three_attributes() -> None:
    verdict = a_verdict(Condition.RETRIES_EXHAUSTED, function_error="Unhandled", response=FAILURE)
    letter = dead_letter(an_event(b'{"\xc3\xa9":  1}'), verdict)
    assert letter.body == '{"é":  1}'
    assert letter.attributes == {
        "RequestID": ("String", "id"),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "boom"),
    }


def test_the_message_of_a_dead_letter_is_cut_and_never_empty() -> None:
    long = json.dumps({"errorMessage": "x" * 5000}).encode()
    verdict = a_verdict(Condition.RETRIES_EXHAUSTED, response=long)
    assert dead_letter(an_event(), verdict).attributes["ErrorMessage"] == ("String", "x" * 1024)
    verdict = a_verdict(Condition.AGE_EXCEEDED, reason="it is too old", status=500)
    assert dead_letter(an_event(), verdict).attributes["ErrorMessage"] == ("String", "it is too old")


def test_the_object_of_a_record_has_a_name_by_function_and_day() -> None:
    key = record_key(an_event(arn=f"{ARN}:live"), a_verdict(Condition.SUCCESS))
    assert key == "aws/lambda/async/f/2026/01/02/2026-01-02T03.04.05-id"
