"""Kill a server again and again while it takes and runs events, and check that no accepted event is lost.

Each life of the server ends by SIGKILL: at a named point inside of it, or at a random moment under mixed load (events
that succeed, that fail and go to a dead-letter queue, synchronous invocations beside them). The next life goes on
with the same --data. In the end every event that was answered with 202 must have run at least once, and every one
that fails must be in the dead-letter queue, which moto's server plays. Prints a table of counts; exit code 1 if
anything is lost.
"""

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.event_crashes_server import POINTS

CALLERS = 8
LATEST_CRASH = 12  # the N of the N-th time at a point
LONGEST_LIFE_S = 1.5
SETTLING_S = 120.0
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


class Life:
    """One run of the server, from its start to its end."""

    def __init__(self, folder: Path, endpoint: str, point: str, count: int) -> None:
        command = [sys.executable, "-m", "benchmarks.event_crashes_server", point, str(count)]
        serve = ["serve", "--port", "0", "--sandbox", "process", "--data", str(folder / "data")]
        (folder / "tmp").mkdir(exist_ok=True)  # whoever is killed leaves its temporary files
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
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        self.port = int(line.rsplit(":", 1)[1]) if ":" in line else 0  # 0: it has died as it began

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


def create(life: Life) -> None:
    """Make the function, whose failures go to the dead-letter queue."""
    import base64
    import io
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", HANDLER)
    document = {
        "FunctionName": "f",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
        "Code": {"ZipFile": base64.b64encode(packed.getvalue()).decode()},
        "DeadLetterConfig": {"TargetArn": QUEUE},
    }
    status, answer = life.ask("POST", "/2015-03-31/functions", json.dumps(document).encode())
    assert status == 201, answer


def load(life: Life, folder: Path, sent: Sent, dice: random.Random, until: float) -> None:
    """Send events, and other invocations between them, until the server dies or the time is up."""
    with suppress(OSError, http.client.HTTPException):
        while time.monotonic() < until:
            name, fails = f"{dice.getrandbits(64):x}", dice.random() < 0.3
            event = {"id": name, "fails": fails, "ran": str(folder / "ran")}
            kind = "Event" if dice.random() < 0.8 else "RequestResponse"
            body = json.dumps(event).encode()
            sent.seen[f"{kind} sent"] += 1
            status, _ = life.ask("POST", "/2015-03-31/functions/f/invocations", body, X_Amz_Invocation_Type=kind)
            if status == 202:
                sent.accepted[name] = fails


def live(life: Life, folder: Path, sent: Sent, dice: random.Random) -> None:
    """Load a server until it dies, or for a random while."""
    until = time.monotonic() + dice.uniform(0.2, LONGEST_LIFE_S)
    callers = [
        threading.Thread(target=load, args=(life, folder, sent, random.Random(dice.random()), until))
        for _ in range(CALLERS)
    ]
    for caller in callers:
        caller.start()
    with suppress(subprocess.TimeoutExpired):
        life.process.wait(max(until - time.monotonic(), 0))
        sent.seen["died by itself"] += 1
    life.end()
    for caller in callers:
        caller.join()


def settle(life: Life) -> None:
    """Wait until no event waits any more."""
    deadline = time.monotonic() + SETTLING_S
    while life.ask("GET", "/_bootjack/events?most=1")[1]["events"]:
        assert time.monotonic() < deadline, "events still wait"
        time.sleep(0.2)


def letters(client: Any, url: str) -> set[str]:
    """Return the ids of the events in the dead-letter queue."""
    found: set[str] = set()
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found |= {json.loads(message["Body"])["id"] for message in messages}
        entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
        client.delete_message_batch(QueueUrl=url, Entries=entries)
    return found


@contextmanager
def peer() -> Iterator[tuple[str, Any, str]]:
    """Run moto's server with the queue; yields its URL, a client, and the queue's URL."""
    import logging

    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").disabled = True
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
        life = Life(folder, endpoint, "", 0)
        create(life)
        life.end()
        for number in range(rounds):
            point = (*POINTS, "")[number % (len(POINTS) + 1)]
            life = Life(folder, endpoint, point, dice.randint(1, LATEST_CRASH))
            sent.seen[f"life: {point or 'killed at random'}"] += 1
            live(life, folder, sent, dice)
        life = Life(folder, endpoint, "", 0)
        settle(life)
        life.end()
        ran = Counter((folder / "ran").read_text().splitlines())
        dead = letters(client, url)
    failing = {name for name, fails in sent.accepted.items() if fails}
    sent.seen["accepted"] = len(sent.accepted)
    sent.seen["accepted that fail"] = len(failing)
    sent.seen["run again after a success"] = sum(
        ran[each] - 1 for each in sent.accepted.keys() - failing if ran[each]
    )
    return sent, {"never ran": sent.accepted.keys() - ran.keys(), "not in the dead-letter queue": failing - dead}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.event_crashes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="how often the server dies (default: 100)")
    parser.add_argument("--seed", type=int, default=None, help="of the random choices (default: another each time)")
    arguments = parser.parse_args()
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
    with tempfile.TemporaryDirectory(prefix="bootjack-crashes-") as folder:
        sent, lost = crash(Path(folder), arguments.rounds, random.Random(seed))
    print(f"seed {seed}")
    for what, count in sorted(sent.seen.items()):
        print(f"{what:40}{count:8}")
    for what, ids in lost.items():
        print(f"LOST: {what:34}{len(ids):8}  {' '.join(sorted(ids)[:5])}")
    return 1 if any(lost.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
