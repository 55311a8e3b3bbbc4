"""Batches of messages: what one invocation gets, and what became of it then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from runtime_api.service.batch_failures import failed_items
from runtime_api.service.filter_matching import matches
from runtime_api.service.processing_results import FAILED, OK, problem
from runtime_api.service.seams.dispatch import InvokeResult, RestoreFailed, Unavailable

from .messages import filtered_view, message_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runtime_api.service.filters import Pattern
    from runtime_api.service.seams.dispatch import RunResult

    from .messages import Message

__all__ = ["Batch", "Handled", "Wanted", "cut", "handled", "sort_out", "without_groups"]

HEAD, TAIL = b'{"Records":[', b"]}"


class Wanted(NamedTuple):
    """A message that the function gets, with its record as JSON."""

    message: Message
    record: bytes


class Batch(NamedTuple):
    """What one invocation gets."""

    items: tuple[Wanted, ...]

    @property
    def payload(self) -> bytes:
        """The event."""
        return HEAD + b",".join(each.record for each in self.items) + TAIL

    @property
    def messages(self) -> list[Message]:
        """Its messages, in order."""
        return [each.message for each in self.items]


class Handled(NamedTuple):
    """What became of a batch: its messages are deleted, or come back when their visibility timeout is over."""

    done: list[Message]
    failed: list[Message]
    result: str  # of the mapping


def sort_out(
    messages: Iterable[Message], patterns: Sequence[Pattern], queue_arn: str, *, is_windowed: bool
) -> tuple[list[Wanted], list[Message]]:
    """Return the messages that a mapping's filters let through, and the others, which are to be deleted."""
    wanted: list[Wanted] = []
    others: list[Message] = []
    for message in messages:
        record = message_record(message, queue_arn, is_windowed=is_windowed)
        if matches(patterns, filtered_view(record) if patterns else record):
            wanted.append(Wanted(message, _encoded(record)))
        else:
            others.append(message)
    return wanted, others


def _encoded(record: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(record)
    except orjson.JSONEncodeError:  # half a surrogate pair, which the json module writes as it came
        return json.dumps(record).encode()


def cut(items: Sequence[Wanted], most: int, most_bytes: int) -> Iterator[Batch]:
    """Cut messages into batches, in order: so many messages and so many bytes of event at most.

    A message that is larger by itself has a batch of its own, which the function's front refuses.
    """
    batch: list[Wanted] = []
    size = len(HEAD) + len(TAIL)
    for item in items:
        if batch and (len(batch) == most or size + len(item.record) > most_bytes):
            yield Batch(tuple(batch))
            batch, size = [], len(HEAD) + len(TAIL)
        batch.append(item)
        size += len(item.record) + 1
    if batch:
        yield Batch(tuple(batch))


def handled(batch: Batch, result: RunResult, *, reports_failures: bool) -> Handled:
    """Return what became of a batch that has been run, or could not be.

    `reports_failures`: the answer may name the messages that have failed.
    """
    messages = batch.messages
    match result:
        case InvokeResult(function_error=None, payload=answer):
            sent = [message.message_id for message in messages]
            failed = failed_items(answer, sent) if reports_failures else frozenset()
            done = [each for each in messages if each.message_id not in failed]
            return Handled(done, [each for each in messages if each.message_id in failed], FAILED if failed else OK)
        case Unavailable(message) | RestoreFailed(message):
            return Handled([], messages, problem(message))
    return Handled([], messages, FAILED)


def without_groups(batch: Batch, groups: frozenset[str | None]) -> Batch:
    """Return a batch without the messages of these groups: one before them has failed, so they wait for it."""
    return Batch(tuple(each for each in batch.items if each.message.group not in groups))
