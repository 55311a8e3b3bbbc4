"""Batches of messages: how they are cut, and what becomes of them."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.service.filters import parse_pattern
from runtime_api.service.processing_results import FAILED, OK
from runtime_api.service.queues.batches import Batch, Wanted, cut, handled, sort_out, without_groups
from runtime_api.service.seams.dispatch import InvokeResult, RestoreFailed, RunResult, Throttled, Unavailable

from .some import QUEUE, a_message

MESSAGES = [a_message(name, f'{{"n": {number}}}') for number, name in enumerate("abc")]


def a_batch() -> Batch:
    wanted, _ = sort_out(MESSAGES, (), QUEUE, is_windowed=False)
    return Batch(tuple(wanted))


def answered(payload: bytes, error: str | None = None) -> InvokeResult:
    return InvokeResult("id", payload, error, b"")


@given(st.lists(st.integers(1, 60), max_size=30), st.integers(1, 10), st.integers(40, 150))
def test_batches_keep_the_order_and_never_exceed_a_limit(sizes: list[int], most: int, most_bytes: int) -> None:
    items = [Wanted(a_message(str(place)), b"0" * size) for place, size in enumerate(sizes)]
    batches = list(cut(items, most, most_bytes))
    assert [item for batch in batches for item in batch.items] == items
    for batch in batches:
        assert 0 < len(batch.items) <= most
        assert len(batch.payload) <= most_bytes or len(batch.items) == 1
    for batch, following in pairwise(batches):  # nor is one cut earlier than it has to be
        longer = Batch((*batch.items, following.items[0]))
        assert len(longer.items) > most or len(longer.payload) > most_bytes


def test_the_event_of_a_batch_has_its_records_in_order() -> None:
    assert [record["messageId"] for record in json.loads(a_batch().payload)["Records"]] == ["a", "b", "c"]


def test_messages_that_match_no_filter_are_not_in_a_batch() -> None:
    texts = ('{"body": {"n": [0]}}', '{"body": {"n": [2]}, "eventSource": ["aws:sqs"]}')
    patterns = [parse_pattern(each) for each in texts]
    messages = [*MESSAGES, a_message("d", "no document"), a_message("e", "0")]
    wanted, others = sort_out(messages, patterns, QUEUE, is_windowed=False)
    assert [each.message.message_id for each in wanted] == ["a", "c"]
    assert [each.message_id for each in others] == ["b", "d", "e"]


def test_a_text_that_is_no_unicode_reaches_the_function_as_it_came() -> None:
    wanted, _ = sort_out([a_message("a", "\ud800")], (), QUEUE, is_windowed=False)
    assert json.loads(wanted[0].record)["body"] == "\ud800"


@pytest.mark.parametrize("body", ["plain", '{"n": 1}'])
def test_a_filter_that_asks_nothing_of_the_body_lets_every_body_through(body: str) -> None:
    patterns = [parse_pattern('{"attributes": {"ApproximateReceiveCount": ["1"]}}')]
    wanted, _ = sort_out([a_message("a", body)], patterns, QUEUE, is_windowed=False)
    assert len(wanted) == 1


@pytest.mark.parametrize(
    ("result", "reports", "failed", "text"),
    [
        (answered(b"null"), True, "", OK),
        (answered(b'{"batchItemFailures": [{"itemIdentifier": "b"}]}'), True, "b", FAILED),
        (answered(b'{"batchItemFailures": [{"itemIdentifier": "b"}]}'), False, "", OK),
        (answered(b'{"batchItemFailures": [{"itemIdentifier": "z"}]}'), True, "abc", FAILED),
        (answered(b"{}", "Unhandled"), True, "abc", FAILED),
        (Unavailable("no such function"), False, "abc", "PROBLEM: no such function"),
        (RestoreFailed("hook", timed_out=False), False, "abc", "PROBLEM: hook"),
        (Throttled(1, 1, 0), False, "abc", FAILED),
    ],
    ids=str,
)
def test_what_becomes_of_a_batch(result: RunResult, reports: bool, failed: str, text: str) -> None:
    found = handled(a_batch(), result, reports_failures=reports)
    assert found.failed == [message for message in MESSAGES if message.message_id in failed]
    assert found.done == [message for message in MESSAGES if message.message_id not in failed]
    assert found.result == text


def test_what_follows_a_failed_message_of_its_group_is_not_in_the_next_batch() -> None:
    messages = [a_message("a", group="x"), a_message("b", group="y"), a_message("c", group="x")]
    wanted, _ = sort_out(messages, (), QUEUE, is_windowed=False)
    left = without_groups(Batch(tuple(wanted)), frozenset({"x"}))
    assert [message.message_id for message in left.messages] == ["b"]
