"""What a function's answer says of the items of its batch."""

from __future__ import annotations

import pytest

from runtime_api.service.batch_failures import failed_items

SENT = ("a", "b", "c")


@pytest.mark.parametrize(
    "answer",
    [
        b"null",
        b"{}",
        b'""',
        b"[]",
        b'"done"',
        b'{"batchItemFailures": null}',
        b'{"batchItemFailures": ""}',
        b'{"batchItemFailures": []}',
        b'{"other": [{"itemIdentifier": "a"}]}',
    ],
)
def test_an_answer_that_names_nothing_is_a_success(answer: bytes) -> None:
    assert failed_items(answer, SENT) == frozenset()


@pytest.mark.parametrize(
    "failures",
    [
        b'[{"foo": "a"}]',
        b'[{"itemIdentifier": ""}]',
        b'[{"itemIdentifier": null}]',
        b'[{"itemIdentifier": "z"}]',
        b'[{"itemIdentifier": "a"}, {"itemIdentifier": "z"}]',
        b'["a"]',
        b'"a"',
        b'{"itemIdentifier": "a"}',
        b"[7]",
    ],
)
def test_an_answer_that_lambda_cannot_read_fails_the_whole_batch(failures: bytes) -> None:
    assert failed_items(b'{"batchItemFailures": %s}' % failures, SENT) == set(SENT)


def test_no_json_fails_the_whole_batch() -> None:
    assert failed_items(b"oops", SENT) == set(SENT)


def test_the_items_that_are_named_have_failed() -> None:
    answer = b'{"batchItemFailures": [{"itemIdentifier": "c"}, {"itemIdentifier": "a"}, {"itemIdentifier": "c"}]}'
    assert failed_items(answer, SENT) == {"a", "c"}
