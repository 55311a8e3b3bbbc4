"""Directories of `bootjack serve --data` with as many functions as a measurement wants, and the same in moto."""

import asyncio
import io
import shutil
import time
import zipfile
from hashlib import sha256
from pathlib import Path

import msgspec

from benchmarks.errors import Unmeasured
from benchmarks.tools import Tools
from runtime_api.service.function_record import Code, Configuration, Function, LastUpdate, State, Version
from runtime_api.store.sqlite.directory import DataDirectory
from runtime_api.store.sqlite.functions import SAVE

ACCOUNT, REGION = "123456789012", "us-east-1"
ROLE_NAME = "r"
RUNTIME = "provided.al2023"


def name(number: int) -> str:
    return f"function-{number:05}"


def package(tools: Tools) -> bytes:
    """The bootstrap in C as a package."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, tools.echo.read_bytes())
    return content.getvalue()


def directory(tools: Tools, count: int) -> Path:
    """Make a directory as a server leaves it that has created these functions."""
    path = tools.scratch / f"data-{count}"
    content = package(tools)
    code = Code(sha256(content).hexdigest(), len(content))
    with DataDirectory(path) as data:
        (data.packages / code.sha256).write_bytes(content)
        functions = (_function(number, code) for number in range(count))
        statements = [(SAVE, (*each.owner, each.name, msgspec.json.encode(each))) for each in functions]
        asyncio.run(data.database.write(*statements))
    return path


def copy(tools: Tools, kept: Path) -> Path:
    """A copy that a server may use and change."""
    path = tools.scratch / f"used-{kept.name}"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(kept, path)
    return path


def _function(number: int, code: Code) -> Function:
    configuration = Configuration(RUNTIME, "h", f"arn:aws:iam::{ACCOUNT}:role/{ROLE_NAME}")
    latest = Version(
        "$LATEST",
        configuration,
        code,
        f"00000000-0000-4000-8000-{number:012}",
        "2026-01-02T03:04:05.006+0000",
        State.ACTIVE,
        LastUpdate.SUCCESSFUL,
    )
    return Function(name(number), ACCOUNT, REGION, latest)


def fill(url: str, tools: Tools, count: int) -> None:
    """Create functions by the API, in a server that checks their role."""
    try:
        import boto3
    except ImportError as error:
        raise Unmeasured("it is filled by boto3, which is not installed") from error
    settings = {"endpoint_url": url, "region_name": REGION, "aws_access_key_id": "a", "aws_secret_access_key": "b"}
    role = boto3.client("iam", **settings).create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument="{}")
    time.sleep(0.1)
    client, content = boto3.client("lambda", **settings), package(tools)
    for number in range(count):
        client.create_function(
            FunctionName=name(number),
            Runtime=RUNTIME,
            Handler="h",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": content},
        )
