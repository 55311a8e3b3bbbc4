"""A queue of SQS, with the operations that a poller needs: ten messages at once, and errors as SQS has them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any

from runtime_api.engine.queue_calls import QueueCalls
from runtime_api.service.queues.messages import read_messages
from runtime_api.store.aws_requests import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from runtime_api.engine.aws_clients import AwsClients
    from runtime_api.service.queues.messages import Message

__all__ = ["MOST_AT_ONCE", "Queue"]

MOST_AT_ONCE = 10  # messages of one request
AWS_WAIT_S = 20  # for a message: the longest that SQS allows
WAIT_S = 2  # where a server stands in for AWS
QUIET_SHARE, LONGEST_REST_S = 1 / 20, 3.0  # of the time for which nothing has come: how long it is left alone
ANSWER_SPARE_S = 10.0  # for an answer, beyond the time for which it waits for a message
MOST_SPARE_S = 80.0  # after several that have not come in time
VISIBILITY_S = 30  # SQS's default
MOST_VISIBILITY_S = 43_200
STANDING_S = 3.0  # for an answer that somebody waits for who looks at the mappings
DELETE_PAUSES_S = (0.5, 1.0, 2.0, 4.0)  # between the attempts to delete
VISIBILITY, WAITING, IN_HAND = (
    "VisibilityTimeout",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
)


class Queue:
    """One queue; `note` takes lines of the log."""

    def __init__(self, clients: AwsClients, arn: str, note: Callable[[str], None]) -> None:
        self.arn = arn
        self._calls = QueueCalls(clients)
        self._note = note
        # Other servers than AWS's hand out a message although nobody waits for their answer any more.
        self.may_be_left_waiting = not clients.has_endpoint("sqs")
        self._wait_s = AWS_WAIT_S if self.may_be_left_waiting else WAIT_S
        self._known_visibility_s: int | None = None
        self._spare_s = ANSWER_SPARE_S

    @property
    def is_fifo(self) -> bool:
        """Whether it keeps groups in order; of two requests at once not every server does."""
        return self.arn.endswith(".fifo")

    async def visibility_s(self) -> int:
        """Return how long a message is hidden that was received; SQS's default while the queue does not say."""
        if self._known_visibility_s is None:
            try:
                self._known_visibility_s = int((await self._attributes(VISIBILITY))[VISIBILITY])
            except (AwsError, LookupError, ValueError):
                return VISIBILITY_S
        return self._known_visibility_s

    def rest_s(self, quiet_s: float) -> float:
        """Return how long to leave a queue alone in which nothing has come for so long: its waits are short here."""
        return 0.0 if self._wait_s == AWS_WAIT_S else min(quiet_s * QUIET_SHARE, LONGEST_REST_S)

    async def receive(self, most: int, wait_s: float | None = None) -> list[Message]:
        """Wait for messages; none when there was none for so long. AwsError or MessageError when it fails."""
        wait = self._wait_s if wait_s is None else min(int(wait_s), self._wait_s)
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        messages = read_messages(await self._receive_within(wait + self._spare_s, most, wait))
        if loop.time() < asked_s + wait + ANSWER_SPARE_S:
            self._spare_s = ANSWER_SPARE_S
        if not messages and wait_s is None:
            # A server that does not wait is not asked again and again.
            await asyncio.sleep(min(asked_s + wait - loop.time(), 1.0))
        return messages

    async def _receive_within(self, answer_s: float, most: int, wait_s: int) -> dict[str, Any]:
        """Ask for messages, and wait longer the next time when that fails.

        A slow server takes messages out of the queue although nobody waits for its answer any more: asked again and
        again with too little time, it would never hand over any.
        """
        try:
            return await self._call(
                "ReceiveMessage",
                answer_s=answer_s,
                recurs=True,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=wait_s,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except AwsError:
            self._spare_s = min(self._spare_s * 2, MOST_SPARE_S)
            raise

    async def fill(
        self, messages: list[Message], most: int, most_bytes: int, until_s: float, stopping: asyncio.Event
    ) -> None:
        """Add messages that come until a time of the loop; what it has by then stays, though a request fails."""
        loop = asyncio.get_running_loop()
        size = sum(len(each.body) for each in messages)
        with suppress(AwsError, ValueError):
            while (left_s := until_s - loop.time()) > 0 and not stopping.is_set():
                room = min(most - len(messages), MOST_AT_ONCE)
                if room <= 0 or size >= most_bytes:
                    return
                found = await self.receive(room, left_s)
                if not found and left_s < 1:
                    await asyncio.sleep(left_s)
                messages += found
                size += sum(len(each.body) for each in found)

    async def delete(self, messages: Iterable[Message]) -> None:
        """Delete messages; those for which that does not work come again, which a line of the log says."""
        for some in _tens(messages):
            left = some
            for pause_s in (*DELETE_PAUSES_S, None):
                left, reason = await self._delete_once(left)
                if not left:
                    break
                if pause_s is None:
                    self._note(f"{len(left)} messages that were handled come again: {reason}")
                else:
                    await asyncio.sleep(pause_s)

    async def give_back(self, messages: Iterable[Message]) -> None:
        """Make messages visible again at once, in order; where that fails, after their visibility timeout."""
        await self._hide(messages, 0)

    async def keep(self, messages: Iterable[Message], pause_s: float = 0) -> None:
        """Hide messages for their visibility timeout from now, or from the end of a pause on."""
        await self._hide(messages, min(await self.visibility_s() + ceil(pause_s), MOST_VISIBILITY_S))

    async def standing(self) -> Mapping[str, Any]:
        """Return how many messages wait and are in hand; empty when that cannot be told."""
        try:
            found = await self._attributes(WAITING, IN_HAND, answer_s=STANDING_S)
            return {"backlog": int(found[WAITING]), "inHand": int(found[IN_HAND])}
        except (AwsError, LookupError, ValueError):
            return {}

    async def _attributes(self, *names: str, **options: Any) -> dict[str, str]:
        answer = await self._call("GetQueueAttributes", AttributeNames=list(names), **options)
        found: dict[str, str] = answer.get("Attributes") or {}
        return found

    async def _delete_once(self, messages: list[Message]) -> tuple[list[Message], str]:
        """Delete messages; returns those that another attempt may delete, and why it is needed."""
        entries = [
            {"Id": str(place), "ReceiptHandle": message.receipt_handle} for place, message in enumerate(messages)
        ]
        try:
            answer = await self._call("DeleteMessageBatch", Entries=entries)
        except AwsError as error:
            if error.is_lasting:
                self._note(f"{len(messages)} messages that were handled come again: {error}")
                return [], ""
            return messages, str(error)
        refused = {each.get("Id"): each for each in answer.get("Failed") or ()}
        for each in refused.values():
            if each.get("SenderFault"):
                self._note(f"a message that was handled comes again: {each.get('Code')}: {each.get('Message')}")
        again = [
            message
            for place, message in enumerate(messages)
            if str(place) in refused and not refused[str(place)].get("SenderFault")
        ]
        return again, "; ".join(sorted({str(each.get("Code")) for each in refused.values()}))

    async def _hide(self, messages: Iterable[Message], seconds: int) -> None:
        for some in _tens(messages):
            entries = [
                {"Id": str(place), "ReceiptHandle": message.receipt_handle, "VisibilityTimeout": seconds}
                for place, message in enumerate(some)
            ]
            with suppress(AwsError):  # they are back when their visibility timeout is over
                await self._call("ChangeMessageVisibilityBatch", Entries=entries)

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._calls.call(self.arn, operation, **parameters)


def _tens(messages: Iterable[Message]) -> Iterator[list[Message]]:
    rest = iter(messages)
    while some := list(islice(rest, MOST_AT_ONCE)):
        yield some
