"""Messages of queues as functions get them, as recorded on AWS."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.queues.messages import MessageError, filtered_view, message_record, read_messages

from .some import QUEUE

FOUND = {
    "MessageId": "m",
    "ReceiptHandle": "r",
    "Body": "text",
    "MD5OfBody": "1cb251ec0d568de6a929b520c4aed8d1",
    "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1700000000000"},
}
WITH_ATTRIBUTES = {
    **FOUND,
    "MD5OfMessageAttributes": "d25a6aea97eb8f585bfa92d314504a92",
    "MessageAttributes": {
        "Title": {"StringValue": "The Whistler", "DataType": "String"},
        "Raw": {"BinaryValue": b"\x00\xff", "DataType": "Binary.png"},
    },
}


def record(found: dict[str, Any], *, is_windowed: bool = False) -> dict[str, Any]:
    (message,) = read_messages({"Messages": [found]})
    return message_record(message, QUEUE, is_windowed=is_windowed)


def test_a_record_has_what_was_recorded() -> None:
    assert record(FOUND) == {
        "messageId": "m",
        "receiptHandle": "r",
        "body": "text",
        "attributes": FOUND["Attributes"],
        "messageAttributes": {},
        "md5OfBody": FOUND["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE,
        "awsRegion": "eu-west-1",
    }


def test_with_a_batching_window_the_digest_of_no_attributes_is_null() -> None:
    assert "md5OfMessageAttributes" not in record(FOUND)
    assert record(FOUND, is_windowed=True)["md5OfMessageAttributes"] is None


@pytest.mark.parametrize("is_windowed", [True, False])
def test_message_attributes_have_lists_for_values_that_sqs_never_gives(is_windowed: bool) -> None:
    shown = record(WITH_ATTRIBUTES, is_windowed=is_windowed)
    assert shown["md5OfMessageAttributes"] == WITH_ATTRIBUTES["MD5OfMessageAttributes"]
    empty: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    assert shown["messageAttributes"] == {
        "Title": {"stringValue": "The Whistler", "dataType": "String", **empty},
        "Raw": {"binaryValue": "AP8=", "dataType": "Binary.png", **empty},
    }


def test_filters_see_the_document_in_a_body_and_any_other_body_as_text() -> None:
    assert filtered_view(record({**FOUND, "Body": '{"a": [1]}'}))["body"] == {"a": [1]}
    assert filtered_view(record({**FOUND, "Body": "{a"}))["body"] == "{a"


@pytest.mark.parametrize("missing", ["MessageId", "ReceiptHandle", "Body"])
def test_an_answer_without_what_every_message_has_is_refused(missing: str) -> None:
    with pytest.raises(MessageError, match=missing):
        record({name: value for name, value in FOUND.items() if name != missing})


def test_an_answer_may_have_no_messages() -> None:
    assert read_messages({}) == read_messages({"Messages": []}) == []
