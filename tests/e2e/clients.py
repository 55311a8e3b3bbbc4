"""AWS's clients with fake credentials and without retries, pointed at a local server."""

from __future__ import annotations

import base64
import contextlib
import gc
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.config import Config

from tests.e2e.running import SECONDS, Ended, bare_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "CREDENTIALS",
    "SETTINGS",
    "Answer",
    "aws",
    "aws_cli_1",
    "aws_cli_2",
    "client_context",
    "connected",
    "invoke",
]

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "false", "AWS_SECRET_ACCESS_KEY": "false", "AWS_DEFAULT_REGION": "us-east-1"}


SETTINGS = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_MAX_ATTEMPTS": "1"}


class Answer(NamedTuple):
    """boto3's result of an invocation with its streams read."""

    status: int
    payload: bytes
    error: str | None
    version: str | None
    log: str

    @property
    def document(self) -> Any:
        """The payload as JSON."""
        return json.loads(self.payload)


@contextlib.contextmanager
def connected(
    url: str, key: str = "false", secret: str = "false", region: str = "us-east-1", service: str = "lambda"
) -> Iterator[Any]:
    """Open a boto3 client that uses one connection and does not retry."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=1, read_timeout=SECONDS)
    client = boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=config,
    )
    yield client
    client.close()
    gc.collect()  # an exception of boto3's holds its connection in a reference cycle


def invoke(client: Any, event: Any = None, name: str = "function", **options: Any) -> Answer:
    """Invoke with an event, or with bytes as they are."""
    payload = event if isinstance(event, bytes) else json.dumps(event).encode()
    response = client.invoke(FunctionName=name, Payload=payload, **options)
    return Answer(
        response["StatusCode"],
        response["Payload"].read(),
        response.get("FunctionError"),
        response.get("ExecutedVersion"),
        base64.b64decode(response.get("LogResult", "")).decode(),
    )


def client_context(context: Any) -> str:
    """Encode a client context as the header carries it."""
    return base64.b64encode(json.dumps(context).encode()).decode()


def aws(url: str, *arguments: str | Path, cwd: Path, service: str = "lambda") -> Ended:
    """Run the AWS command line without this machine's AWS settings."""
    command = [aws_cli_1(), "--endpoint-url", url, service, *map(str, arguments)]
    environment = bare_environment({**CREDENTIALS, **SETTINGS})
    run = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, timeout=60, check=False)
    return Ended(run.returncode, run.stdout, run.stderr.decode())


def aws_cli_1() -> str:
    """Return the AWS CLI of pip."""
    return str(Path(sys.executable).with_name("aws"))


@cache
def aws_cli_2() -> str:
    """Return the AWS CLI 2, which pip does not have."""
    for folder in os.environ["PATH"].split(os.pathsep):
        program = shutil.which("aws", path=folder)
        if program is not None and program != aws_cli_1():
            shown = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
            if "aws-cli/2" in shown.stdout + shown.stderr:
                return program
    raise AssertionError("this test needs the AWS CLI 2: `make tools` installs it")
