"""Messages of a queue on moto's server that a function handles, beside one client that receives and deletes them.

`python -m benchmarks.queues [--messages N]`. Both take ten at once. The CPU time says who the limit is: moto's server
or bootjack.
"""

import argparse
import io
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

MESSAGES = 1000
AT_ONCE = 10
IDLE_SECONDS = 20.0  # enough for ten requests
LIMIT_SECONDS = 300.0
QUIET = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
CODE = "def handler(event, context):\n    return {}\n"
ROLE = "arn:aws:iam::123456789012:role/r"
ARN = "arn:aws:sqs:us-east-1:123456789012:"
READABLE = 0o100644 << 16
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    messages: int = parser.parse_args().messages
    with _started("moto_server", "-H", "127.0.0.1", "-p", "0", ready=r"Running on (http://127\.0\.0\.1:\d+)") as moto:
        sqs = _client("sqs", moto.url)
        alone = messages / _drain_by_client(sqs, _filled(sqs, "alone", messages))
        with _started(
            "bootjack", "serve", "--port", "0", ready=r"at (http://\S+)", AWS_ENDPOINT_URL=moto.url
        ) as server:
            client = _client("lambda", server.url)
            uuid = _mapping(client, sqs)
            idle = _idle(server)
            _switch(client, uuid, False)
            url = _filled(sqs, "mapped", messages)
            before = (server.cpu(), moto.cpu())
            taken = _drain_by_mapping(client, sqs, uuid, url)
            busy, of_moto = server.cpu() - before[0], moto.cpu() - before[1]
    rate, cost = messages / taken, busy / messages * 1e3
    print(f"one client, received and deleted      {alone:8.0f} messages/s")
    print(f"handled by a function and deleted     {rate:8.0f} messages/s, {rate / alone:.1f} x")
    print(f"CPU of bootjack meanwhile             {busy / taken:8.0%} of a core, {cost:.2f} ms a message")
    print(f"CPU of moto's server meanwhile        {of_moto / taken:8.0%} of a core")
    print(f"CPU of bootjack with an idle mapping  {idle:8.2%} of a core")


class Started:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.url = url
        self._stat = Path(f"/proc/{process.pid}/stat")

    def cpu(self) -> float:
        """Return the seconds of CPU time that it has used, without its children."""
        fields = self._stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def _started(program: str, *arguments: str, ready: str, **variables: str) -> Iterator[Started]:
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    environment = {**os.environ, **QUIET, **variables, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        found = next(match for line in process.stdout if (match := re.search(ready, line)))
        reader = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)  # so that it never blocks
        yield Started(process, found[1])
    finally:
        process.terminate()
        process.wait()
    reader.wait()


def _client(service: str, url: str) -> Any:
    names = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    return boto3.client(service, endpoint_url=url, **names)


def _filled(sqs: Any, name: str, messages: int) -> str:
    """Fill a queue; returns its URL."""
    url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    for start in range(0, messages, AT_ONCE):
        entries = [{"Id": str(place), "MessageBody": f"message {start + place}"} for place in range(AT_ONCE)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    return url


def _drain_by_client(sqs: Any, url: str) -> float:
    began = time.monotonic()
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=AT_ONCE).get("Messages"):
        entries = [{"Id": each["MessageId"], "ReceiptHandle": each["ReceiptHandle"]} for each in found]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return time.monotonic() - began


def _mapping(client: Any, sqs: Any) -> str:
    """Make a function and a mapping of an empty queue to it; returns the UUID."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = READABLE
        archive.writestr(entry, CODE)
    code = {"ZipFile": package.getvalue()}
    client.create_function(
        FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code, Timeout=100
    )
    if "FunctionError" in client.invoke(FunctionName="f", Payload="{}"):
        raise SystemExit("the function fails")
    sqs.create_queue(QueueName="mapped")
    uuid: str = client.create_event_source_mapping(FunctionName="f", EventSourceArn=f"{ARN}mapped")["UUID"]
    _wait_until(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled")
    return uuid


def _switch(client: Any, uuid: str, is_enabled: bool) -> None:
    client.update_event_source_mapping(UUID=uuid, Enabled=is_enabled)
    _wait_until(
        lambda: client.get_event_source_mapping(UUID=uuid)["State"] == ("Enabled" if is_enabled else "Disabled")
    )


def _idle(server: Started) -> float:
    time.sleep(5)  # the first requests read models and import what sends them
    before = server.cpu()
    time.sleep(IDLE_SECONDS)
    return (server.cpu() - before) / IDLE_SECONDS


def _drain_by_mapping(client: Any, sqs: Any, uuid: str, url: str) -> float:
    began = time.monotonic()
    _switch(client, uuid, True)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    _wait_until(
        lambda: (
            sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())) == 0
        )
    )
    return time.monotonic() - began


def _wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + LIMIT_SECONDS
    while not is_so():
        if time.monotonic() > until:
            raise SystemExit(f"not so after {LIMIT_SECONDS:g} s")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
