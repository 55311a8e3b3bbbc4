"""Kill a server again and again while it polls a queue and a stream, and check that it passes over nothing in them.

Messages and records are sent to a queue and a stream of moto's server while few of them wait, since moto takes the
longer for each message the more there are. Beside them go events and synchronous invocations as in
`benchmarks.event_crashes`. Each life of the server ends by SIGKILL, at a named point of
its pollers or at a random moment, and the next goes on with the same --data. A tenth of the batches fails at random,
and is tried again. In the end every message and record that was accepted must have been handled, and those of one
partition key for the first time in their order. Prints a line for each life to stderr and a table of counts to
stdout; exit code 1 if anything is lost or passed over.
"""

import base64
import json
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks import event_crashes
from benchmarks.event_crashes import ACCOUNT, NAMED_LIFE_S, REGION, Letters, Life, Sent, live, peer, settle
from benchmarks.source_crashes_server import POINTS

MODULE = "benchmarks.source_crashes_server"
CALLERS = 2  # of events, so that they leave time for what is polled
LATEST_CRASH = 6  # the N of the N-th time at a point
RANDOM_LIFE_S = (0.5, 4.0)
FEED_S = 0.3  # between two sendings
FED, KEYS = 3, 4  # messages, and records of each partition key, of one sending
MOST_WAITING = 50  # messages and records, before the next sending
STALLED_S = 90.0  # without anything new first; a message of a server that was killed is hidden for a while
HIDDEN_S = 5
QUEUE, STREAM = f"arn:aws:sqs:{REGION}:{ACCOUNT}:work", f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/work"
HANDLER = """
import base64, os, random
def handler(event, context):
    if random.random() < 0.1:
        raise ValueError("by chance")
    names = [
        record["body"] if "body" in record else base64.b64decode(record["kinesis"]["data"]).decode()
        for record in event["Records"]
    ]
    with open(os.environ["HANDLED"], "a") as handled:
        handled.write("".join(f"{name}\\n" for name in names))
"""


class Feed:
    """Sends messages and records; each has the name of its source or key, and a number."""

    def __init__(self, endpoint: str, sqs: Any, handled: Path) -> None:
        import boto3

        self._sqs = sqs
        self._handled = handled
        names = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": REGION}
        self._kinesis = boto3.client("kinesis", endpoint_url=endpoint, **names)
        self._kinesis.create_stream(StreamName="work", ShardCount=2)
        self._url = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": str(HIDDEN_S)})["QueueUrl"]
        self._numbers = count()
        self._over = threading.Event()
        self.accepted: set[str] = set()

    @property
    def waiting(self) -> set[str]:
        """What no function has handled yet."""
        return self.accepted - set(self._handled.read_text().splitlines())

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send until the end."""
        thread = threading.Thread(target=self._send_all)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _send_all(self) -> None:
        while not self._over.wait(FEED_S):
            if len(self.waiting) > MOST_WAITING:
                continue
            number = next(self._numbers)
            messages = [f"message-{number * FED + each}" for each in range(FED)]
            entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(messages)]
            self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
            records = [f"key{key}-{number}" for key in range(KEYS)]
            put = [{"Data": each.encode(), "PartitionKey": each.partition("-")[0]} for each in records]
            self._kinesis.put_records(StreamName="work", Records=put)
            self.accepted |= {*messages, *records}


def create(life: Life, handled: Path) -> None:
    """Make the function that notes what it has handled, and its mappings."""
    document = {
        "FunctionName": "g",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
        "Code": {"ZipFile": base64.b64encode(event_crashes.packed(HANDLER)).decode()},
        "Environment": {"Variables": {"HANDLED": str(handled)}},
    }
    of_queue = {"EventSourceArn": QUEUE, "BatchSize": 5}
    of_stream = {"EventSourceArn": STREAM, "StartingPosition": "TRIM_HORIZON", "BatchSize": 5}
    for path, wanted in (
        ("/2015-03-31/functions", document),
        ("/2015-03-31/event-source-mappings/", of_queue | {"FunctionName": "g"}),
        ("/2015-03-31/event-source-mappings/", of_stream | {"FunctionName": "g", "ParallelizationFactor": 2}),
    ):
        status, answer = life.ask("POST", path, json.dumps(wanted).encode())
        assert status in (201, 202), answer


def passed_over(handled: Iterable[str]) -> list[str]:
    """Return the records whose key has had a later one handled before them."""
    latest: dict[str, int] = defaultdict(lambda: -1)
    seen, found = set(), []
    for name in handled:
        key, _, number = name.partition("-")
        if key == "message" or name in seen:
            continue
        seen.add(name)
        if int(number) < latest[key]:
            found.append(name)
        latest[key] = max(latest[key], int(number))
    return found


def wait_for(feed: Feed) -> set[str]:
    """Wait until everything has been handled, or nothing new is for a while; returns what has not been."""
    left, changed = feed.accepted, time.monotonic()
    while left and time.monotonic() < changed + STALLED_S:
        now_left = feed.waiting
        if now_left != left:
            left, changed = now_left, time.monotonic()
            print(f"{shown(count_kinds(left))} are left", file=sys.stderr)
        time.sleep(0.2)
    return left


def count_kinds(names: Iterable[str]) -> Counter[str]:
    """Count messages and records."""
    return Counter("messages" if name.startswith("message-") else "records" for name in names)


def shown(kinds: Counter[str]) -> str:
    """Return such counts as a text."""
    return f"{kinds['messages']} messages and {kinds['records']} records"


def crash(folder: Path, rounds: int, dice: random.Random) -> tuple[Sent, dict[str, Iterable[str]]]:
    """Let the server die `rounds` times; returns what was sent, and what of it was lost."""
    sent, handled = Sent({}, Counter()), folder / "handled"
    handled.touch()
    with peer() as (endpoint, client, url):
        letters, feed = Letters(client, url), Feed(endpoint, client, handled)
        life = Life(folder, endpoint, "", 0, MODULE)
        event_crashes.create(life)
        create(life, handled)
        life.end()
        with feed.running():
            for number in range(rounds):
                point = (*POINTS, "")[number % (len(POINTS) + 1)]
                life = Life(folder, endpoint, point, dice.randint(1, LATEST_CRASH), MODULE)
                most_s = NAMED_LIFE_S if point else dice.uniform(*RANDOM_LIFE_S)
                has_died = live(life, folder, sent, dice, most_s, CALLERS)
                letters.collect()
                end = f"died {point}" if has_died else f"killed {'late' if point else 'at random'}"
                sent.seen[f"life: {end}"] += 1
                counts = f"{len(feed.accepted)} fed so far, {shown(count_kinds(feed.waiting))} wait"
                print(f"life {number + 1} of {rounds}: {end}; {counts}", file=sys.stderr)
        life = Life(folder, endpoint, "", 0, MODULE)
        lost: dict[str, Iterable[str]] = {"never handled": wait_for(feed)}
        settle(life, letters)
        life.end()
        names = handled.read_text().splitlines()
    lost["record passed over"] = passed_over(names)
    lost["event that never ran"] = sent.accepted.keys() - set((folder / "ran").read_text().splitlines())
    again = len(names) - len(set(names))
    sent.seen.update(
        {"events accepted": len(sent.accepted), "handled once more": again, **count_kinds(feed.accepted)}
    )
    return sent, lost


if __name__ == "__main__":
    sys.exit(event_crashes.run("benchmarks.source_crashes", __doc__, crash))
