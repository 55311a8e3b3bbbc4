"""Messages of a queue that a function handles, beside one client; moto's server plays the queue.

For each message that it hands out, moto computes the attributes of the queue three times, and looks at every message
in it several times for that: so the backlog is spread over several queues. The notes tell who has used the CPU, and
for which operations of SQS.
"""

import http.client
import io
import json
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import launching, processes, servers
from benchmarks.errors import Unmeasured
from benchmarks.launching import Launch, Running, Server
from benchmarks.profiled_moto import PROFILE
from benchmarks.report import MEASURED, Goal, Table
from benchmarks.rounds import interleave
from benchmarks.tools import Tools

QUEUES, EACH = 5, 20  # queues, and messages in each
MESSAGES = QUEUES * EACH
AT_ONCE = 10  # messages of one request, the most that SQS allows
IDLE_SECONDS = 8.0
LIMIT_SECONDS = 60.0
SINGLY, IN_TENS = "one at a time", "ten at a time"
ACCOUNT, REGION, FUNCTION = "123456789012", "us-east-1", "counter"
KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": REGION}
WAITING = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
HIDING = {"VisibilityTimeout": "10"}  # moto forgets some deletions where two come at once: these messages come again
PROFILED_MOTO = Path(__file__).with_name("profiled_moto.py")
READABLE = 0o100644 << 16
HANDLER = """
import os, time
def handler(event, context):
    line = f"{time.monotonic()} {len(event['Records'])}\\n"
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(line)
"""


@dataclass(frozen=True)
class Drained:
    """How queues were emptied; CPU time in ms for each message."""

    rate: float  # messages a second
    moto_ms: float
    operations: dict[str, tuple[int, float]]  # requests that moto got, and its CPU seconds for them
    own_ms: float = 0.0  # of bootjack, its functions left out


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    with ExitStack() as stack:
        peer = stack.enter_context(launching.running(Server("moto", _moto), tools))
        world = World(tools, peer)
        busy, idle = (
            stack.enter_context(launching.running(Server(name, world.launch), tools))
            for name in ("bootjack-busy", "bootjack-idle")
        )
        world.create_function(busy)
        world.create_function(idle)
        world.map(idle, world.queue(), enabled=True)
        world.drain_by_function(busy)  # it starts the environments
        yield _rates(world, busy, rounds)
        samples = interleave("queues: idle", {MEASURED: partial(_idle, idle)}, rounds)
        title = "CPU of a server with one mapping of an empty queue"
        yield Table(
            title, "% of a core", samples.figures(float), samples.missing, {MEASURED: Goal(0.1, 0.1)}, digits=3
        )


def _rates(world: "World", busy: Running, rounds: int) -> Table:
    subjects: dict[str, Callable[[], Drained]] = {
        SINGLY: partial(world.drain_by_client, 1),
        IN_TENS: partial(world.drain_by_client, AT_ONCE),
        MEASURED: partial(world.drain_by_function, busy),
    }
    samples = interleave("queues: rate", subjects, rounds)
    figures = samples.figures(lambda drained: drained.rate)
    table = Table(
        f"{MESSAGES} messages in {QUEUES} queues received and deleted: one client; a function of bootjack, by ten",
        "1/s",
        figures,
        samples.missing,
        {MEASURED: Goal(5, 5, SINGLY, at_least=True)},
        digits=0,
    )
    costs = samples.figures(lambda drained: drained.moto_ms)
    notes = [
        f"moto's CPU for a message: {', '.join(f'{name} {median(each):.1f} ms' for name, each in costs.items())}."
    ]
    own = samples.figures(lambda drained: drained.own_ms).get(MEASURED)
    notes += [f"bootjack's: {median(own):.1f} ms."] if own else []
    return replace(table, notes=[*notes, *map(_operations, samples.taken.items())])


def _operations(measured: tuple[str, list[Drained]]) -> str:
    """What moto was asked for in the last round of a subject."""
    name, rounds = measured
    told = [
        f"{operation} {count} times, {seconds / count * 1e3:.1f} ms each"
        for operation, (count, seconds) in sorted(rounds[-1].operations.items())
    ]
    return f"moto's CPU, last round, {name}: {'; '.join(told)}."


def _idle(idle: Running) -> float:
    before = processes.exact_cpu_seconds(idle.process)
    time.sleep(IDLE_SECONDS)
    return (processes.exact_cpu_seconds(idle.process) - before) / IDLE_SECONDS * 100


class World:
    """moto's server, with queues that are made for one measurement each."""

    def __init__(self, tools: Tools, peer: Running) -> None:
        self._peer = peer
        self._tools = tools
        self._seen = tools.scratch / "seen"
        self._numbers = count()
        self._endpoint = f"http://127.0.0.1:{peer.port}"
        self._sqs = _client("sqs", self._endpoint)

    def launch(self, tools: Tools, port: int, _runtime_port: int) -> Launch:
        """Start bootjack so that it polls moto."""
        command = [servers.bootjack_command(), "serve", "--sandbox", "process", "--port", str(port)]
        names = {"AWS_ENDPOINT_URL": self._endpoint, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        return Launch(command, tools.scratch, FUNCTION, environment=launching.environment() | names)

    def create_function(self, server: Running) -> None:
        """Make the function that notes how many messages it gets when."""
        _lambda(server).create_function(
            FunctionName=FUNCTION,
            Runtime="python3.11",
            Handler="app.handler",
            Role=f"arn:aws:iam::{ACCOUNT}:role/r",
            Code={"ZipFile": _packed()},
            Environment={"Variables": {"SEEN": str(self._seen)}},
        )

    def map(self, server: Running, queue: str, *, enabled: bool) -> str:
        """Make a mapping; returns its UUID."""
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.rpartition('/')[2]}"
        uuid: str = _lambda(server).create_event_source_mapping(
            FunctionName=FUNCTION, EventSourceArn=arn, BatchSize=AT_ONCE, Enabled=enabled
        )["UUID"]
        return uuid

    def queue(self, messages: int = 0) -> str:
        """Make a queue of so many messages; returns its URL."""
        url: str = self._sqs.create_queue(QueueName=f"queue{next(self._numbers)}", Attributes=HIDING)["QueueUrl"]
        entries = [{"Id": str(place), "MessageBody": "message"} for place in range(AT_ONCE)]
        for _ in range(0, messages, AT_ONCE):
            self._sqs.send_message_batch(QueueUrl=url, Entries=entries)
        return url

    def drain_by_client(self, at_once: int) -> Drained:
        """Receive and delete every message."""
        urls = self._filled()
        self._profile()
        before, began = self._moto_cpu(), time.monotonic()
        for url in urls:
            for _ in range(0, EACH, at_once):
                self._take(url, at_once)
        rate = MESSAGES / (time.monotonic() - began)
        return Drained(rate, (self._moto_cpu() - before) / MESSAGES * 1e3, self._profile())

    def drain_by_function(self, server: Running) -> Drained:
        """Let a function handle every message; the rate counts from its first batch to the last deletion."""
        urls = self._filled()
        self._seen.write_text("")
        client = _lambda(server)
        uuids = [self.map(server, url, enabled=False) for url in urls]
        for uuid in uuids:
            _wait_until(partial(self._is_in_state, server, uuid, "Disabled"))
        self._profile()
        moto_cpu, own_cpu = self._moto_cpu(), processes.cpu_seconds(server.process)
        for uuid in uuids:
            client.update_event_source_mapping(UUID=uuid, Enabled=True)
        _wait_until(lambda: sum(handled for _, handled in self._batches()) >= MESSAGES)
        for url in urls:
            _wait_until(partial(self._is_empty, url))
        ended = time.monotonic()
        operations, moto_ms = self._profile(), (self._moto_cpu() - moto_cpu) / MESSAGES * 1e3
        own_ms = (processes.cpu_seconds(server.process) - own_cpu) / MESSAGES * 1e3
        for uuid in uuids:
            client.delete_event_source_mapping(UUID=uuid)
        began, first = min(self._batches())
        return Drained((MESSAGES - first) / (ended - began), moto_ms, operations, own_ms)

    def _filled(self) -> list[str]:
        return [self.queue(EACH) for _ in range(QUEUES)]

    def _take(self, url: str, at_once: int) -> None:
        found = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=at_once)["Messages"]
        if at_once == 1:
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
            return
        entries = [{"Id": each["MessageId"], "ReceiptHandle": each["ReceiptHandle"]} for each in found]
        self._sqs.delete_message_batch(QueueUrl=url, Entries=entries)

    def _batches(self) -> list[tuple[float, int]]:
        """What the function has written: when it got how many messages."""
        lines = [line.split() for line in self._seen.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [(float(at), int(handled)) for at, handled in lines]

    def _profile(self) -> dict[str, tuple[int, float]]:
        """What moto was asked for since the last look."""
        connection = http.client.HTTPConnection("127.0.0.1", self._peer.port, timeout=LIMIT_SECONDS)
        connection.request("GET", PROFILE)
        found: dict[str, tuple[int, float]] = json.loads(connection.getresponse().read())
        connection.close()
        return found

    def _moto_cpu(self) -> float:
        return processes.cpu_seconds(self._peer.process)

    def _is_in_state(self, server: Running, uuid: str, state: str) -> bool:
        found: str = _lambda(server).get_event_source_mapping(UUID=uuid)["State"]
        return found == state

    def _is_empty(self, url: str) -> bool:
        counts = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=WAITING)["Attributes"]
        return not any(map(int, counts.values()))


def _moto(tools: Tools, port: int, _runtime_port: int) -> Launch:
    return Launch([sys.executable, str(PROFILED_MOTO), str(port)], tools.scratch, ready_limit_s=LIMIT_SECONDS)


def _lambda(server: Running) -> Any:
    return _client("lambda", f"http://127.0.0.1:{server.port}")


def _client(service: str, url: str) -> Any:
    try:
        import boto3
    except ImportError as error:
        raise Unmeasured("queues are filled by boto3, which is not installed") from error
    return boto3.client(service, endpoint_url=url, **KEYS)


def _packed() -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = READABLE
        archive.writestr(entry, HANDLER)
    return package.getvalue()


def _wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + LIMIT_SECONDS
    while not is_so():
        if time.monotonic() > until:
            raise Unmeasured(f"the queue is not empty after {LIMIT_SECONDS:g} s")
        time.sleep(0.05)
