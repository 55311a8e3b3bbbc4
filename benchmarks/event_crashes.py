"""Kill a server again and again while it takes and runs events, and check that no accepted event is lost.

Each life of the server ends by SIGKILL: at a named point inside of it, or at a random moment under mixed load (events
that succeed, that fail and go to a dead-letter queue, synchronous invocations beside them). The next life goes on
with the same --data. In the end every event that was answered with 202 must have run at least once, and every one
that fails must have come to the dead-letter queue, which moto's server plays. Prints a line for each life to stderr
and a table of counts to stdout; exit code 1 if anything is lost, or if events wait and nothing becomes of them.

A life takes no more events than it can run, and the dead-letter queue is emptied meanwhile: each message costs moto
time for every other one in the queue, so that it would soon be moto which is measured.
"""

import argparse
import base64
import http.client
import io
import json
import os
import random
import select
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.event_crashes_server import POINTS

CALLERS = 8
LATEST_CRASH = 25  # the N of the N-th time at a point
MOST_SENT = 40  # by one caller in one life
FAILING = 0.2  # of all events
RANDOM_LIFE_S = (0.2, 1.5)
NAMED_LIFE_S = 15.0  # at most: until it has come to its point often enough
STARTING_S = 60.0
STALLED_S = 60.0  # without any change to the events that wait first
REGION, ACCOUNT = "us-east-1", "123456789012"
HANDLER = """
import os
def handler(event, context):
    with open(event["ran"], "a") as file:
        file.write(event["id"] + "\\n")
    if event["fails"]:
        raise ValueError("as asked")
"""
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:letters"


class Sent(NamedTuple):
    """What callers have had accepted."""

    accepted: dict[str, bool]  # ids of events that were answered with 202, and whether they fail
    seen: Counter[str]


Crash = Callable[[Path, int, random.Random], tuple[Sent, Mapping[str, Iterable[str]]]]


class Life:
    """One run of the server, from its start to its end."""

    def __init__(
        self, folder: Path, endpoint: str, point: str, count: int, module: str = "benchmarks.event_crashes_server"
    ) -> None:
        """`module`: what is run, with the point and the count of its end."""
        command = [sys.executable, "-m", module, point, str(count)]
        serve = ["serve", "--port", "0", "--sandbox", "process", "--data", str(folder / "data")]
        (folder / "tmp").mkdir(exist_ok=True)  # a killed server leaves its temporary files
        variables = {
            "TMPDIR": str(folder / "tmp"),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        }
        self.process = subprocess.Popen(
            [*command, *serve, "--async-retry-base", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **variables},
        )
        self.port = self._port()

    def _port(self) -> int:
        """Read the port from the server's first line; 0: it has died as it began."""
        assert self.process.stdout is not None
        is_readable = bool(select.select([self.process.stdout], [], [], STARTING_S)[0])
        if not is_readable and self.process.poll() is None:
            self.end()
            raise SystemExit(f"the server has not started within {STARTING_S:g} s")
        line = self.process.stdout.readline().decode() if is_readable else ""
        return int(line.rsplit(":", 1)[1]) if ":" in line else 0

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        """Send a request; raises OSError or HTTPException when the server dies."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            data = response.read()
            return response.status, json.loads(data) if data else None
        finally:
            connection.close()

    def end(self) -> None:
        """Kill it unless it has died."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def packed(handler: str) -> bytes:
    """Return an archive with this text as its app.py."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as into:
        into.writestr("app.py", handler)
    return archive.getvalue()


def create(life: Life) -> None:
    """Make the function, whose failures go to the dead-letter queue."""
    document = {
        "FunctionName": "f",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
        "Code": {"ZipFile": base64.b64encode(packed(HANDLER)).decode()},
        "DeadLetterConfig": {"TargetArn": QUEUE},
    }
    status, answer = life.ask("POST", "/2015-03-31/functions", json.dumps(document).encode())
    assert status == 201, answer


def load(life: Life, folder: Path, sent: Sent, dice: random.Random, until: float) -> None:
    """Send events, and other invocations between them, until the server dies, the time is up, or they are enough."""
    with suppress(OSError, http.client.HTTPException):
        for _ in range(MOST_SENT):
            if time.monotonic() >= until:
                return
            name, fails = f"{dice.getrandbits(64):x}", dice.random() < FAILING
            event = {"id": name, "fails": fails, "ran": str(folder / "ran")}
            kind = "Event" if dice.random() < 0.8 else "RequestResponse"
            body = json.dumps(event).encode()
            sent.seen[f"{kind} sent"] += 1
            status, _ = life.ask("POST", "/2015-03-31/functions/f/invocations", body, X_Amz_Invocation_Type=kind)
            if status == 202:
                sent.accepted[name] = fails


def live(
    life: Life, folder: Path, sent: Sent, dice: random.Random, most_s: float, callers_at_once: int = CALLERS
) -> bool:
    """Load a server until it dies, or for a while; returns whether it has died by itself."""
    until = time.monotonic() + most_s
    callers = [
        threading.Thread(target=load, args=(life, folder, sent, random.Random(dice.random()), until))
        for _ in range(callers_at_once)
    ]
    for caller in callers:
        caller.start()
    has_died = True
    try:
        life.process.wait(max(until - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        has_died = False
    life.end()
    for caller in callers:
        caller.join()
    return has_died


def settle(life: Life, letters: "Letters") -> None:
    """Wait until no event waits any more; SystemExit when nothing becomes of those that do."""
    before, changed = None, time.monotonic()
    while waiting := life.ask("GET", "/_bootjack/events?most=100")[1]["events"]:
        letters.collect()
        if waiting != before:
            before, changed = waiting, time.monotonic()
        elif time.monotonic() > changed + STALLED_S:
            life.end()
            raise SystemExit(f"nothing becomes of events that wait, such as {waiting[0]}")
        time.sleep(0.2)
    letters.collect()


class Letters:
    """What has come to the dead-letter queue."""

    def __init__(self, client: Any, url: str) -> None:
        self._client, self._url = client, url
        self.ids: set[str] = set()  # of events

    def collect(self) -> None:
        """Empty the queue."""
        while messages := self._client.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            self.ids |= {json.loads(message["Body"])["id"] for message in messages}
            entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)


def delete_in_peace() -> None:
    """Make moto delete one message at a time: it loses those that are sent, and forgets deletions, meanwhile."""
    from moto.sqs.models import Queue

    delete = Queue.delete_message

    def delete_alone(queue: Any, receipt_handle: str) -> None:
        with queue._messages_lock:
            delete(queue, receipt_handle)

    Queue.delete_message = delete_alone  # type: ignore[method-assign, assignment]


@contextmanager
def peer() -> Iterator[tuple[str, Any, str]]:
    """Run moto's server with the queue; yields its URL, a client, and the queue's URL."""
    import logging

    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").disabled = True
    delete_in_peace()
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    client = boto3.client(
        "sqs", endpoint_url=endpoint, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"
    )
    yield endpoint, client, client.create_queue(QueueName="letters")["QueueUrl"]
    client.close()
    server.stop()


def crash(folder: Path, rounds: int, dice: random.Random) -> tuple[Sent, dict[str, set[str]]]:
    """Let the server die `rounds` times; returns what was accepted, and what of it was lost."""
    sent = Sent({}, Counter())
    with peer() as (endpoint, client, url):
        letters = Letters(client, url)
        life = Life(folder, endpoint, "", 0)
        create(life)
        life.end()
        for number in range(rounds):
            point = (*POINTS, "")[number % (len(POINTS) + 1)]
            life = Life(folder, endpoint, point, dice.randint(1, LATEST_CRASH))
            has_died = live(life, folder, sent, dice, NAMED_LIFE_S if point else dice.uniform(*RANDOM_LIFE_S))
            letters.collect()
            end = f"died {point}" if has_died else f"killed {'late' if point else 'at random'}"
            sent.seen[f"life: {end}"] += 1
            print(f"life {number + 1} of {rounds}: {end}; {len(sent.accepted)} accepted so far", file=sys.stderr)
        life = Life(folder, endpoint, "", 0)
        settle(life, letters)
        life.end()
        ran = Counter((folder / "ran").read_text().splitlines())
    failing = {name for name, fails in sent.accepted.items() if fails}
    sent.seen["accepted"] = len(sent.accepted)
    sent.seen["accepted that fail"] = len(failing)
    sent.seen["run again after a success"] = sum(
        ran[each] - 1 for each in sent.accepted.keys() - failing if ran[each]
    )
    lost = {"never ran": sent.accepted.keys() - ran.keys(), "not in the dead-letter queue": failing - letters.ids}
    return sent, lost


def run(program: str, description: str | None, crash: Crash) -> int:
    """Read the command line, crash, and report; returns the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    parser.add_argument("--rounds", type=int, default=100, help="how often the server dies (default: 100)")
    parser.add_argument("--seed", type=int, default=None, help="of the random choices (default: another each time)")
    arguments = parser.parse_args()
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
    with tempfile.TemporaryDirectory(prefix="bootjack-crashes-") as folder:
        sent, lost = crash(Path(folder), arguments.rounds, random.Random(seed))
    return report(seed, sent, lost)


def report(seed: int, sent: Sent, lost: Mapping[str, Iterable[str]]) -> int:
    """Print what was seen and what was lost; returns the exit code."""
    print(f"seed {seed}")
    for what, number in sorted(sent.seen.items()):
        print(f"{what:40}{number:8}")
    for what, names in lost.items():
        found = sorted(names)
        print(f"LOST: {what:34}{len(found):8}  {' '.join(found[:5])}")
    return 1 if any(lost.values()) else 0


if __name__ == "__main__":
    sys.exit(run("benchmarks.event_crashes", __doc__, crash))
