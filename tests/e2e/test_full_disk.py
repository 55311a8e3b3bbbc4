"""A disk that has no room: clear refusals, nothing half done, and a service that goes on when there is room again.

What stands for the disk is the kernel's limit on the size of files, which can be lifted again for a running process.
"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.clients import connected, invoke
from tests.e2e.packages import package
from tests.e2e.running import Serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/r"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


def code(text: str) -> bytes:
    return package({"app.py": f"def handler(event, context): return {text!r}"})


def create(client: Any, name: str) -> None:
    settings = {"Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE}
    client.create_function(FunctionName=name, Code={"ZipFile": code(name)}, **settings)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})


def make_room(server: Serve, has_room: bool) -> None:
    """Let the server's files grow, or not at all."""
    _, most = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most if has_room else 0, most))


def state(client: Any) -> list[Any]:
    """What callers see of everything that is there."""
    functions = [
        {**client.get_function(FunctionName=each["FunctionName"])["Configuration"], "Tags": tags}
        for each in client.list_functions()["Functions"]
        for tags in [client.list_tags(Resource=each["FunctionArn"])["Tags"]]
    ]
    return [functions, client.list_layers()["Layers"]]


def refusal(call: Callable[..., object], parameters: dict[str, Any]) -> str:
    """The code of the error that a call ends in, whose text has to say what to do."""
    with pytest.raises(ClientError, match="make room on that disk and try again") as refused:
        call(**parameters)
    return str(refused.value.response["Error"]["Code"])


def test_a_full_disk_changes_nothing_and_costs_nothing(tmp_path: Path) -> None:
    kept = tmp_path / "data"
    with Serve("--data", kept) as server, connected(server.url) as client:
        create(client, "f")
        assert invoke(client, {}, "f").document == "f"
        before = state(client)
        make_room(server, False)
        attempts: dict[str, dict[str, Any]] = {
            "create_function": {
                "FunctionName": "g",
                "Runtime": "python3.11",
                "Handler": "app.handler",
                "Role": ROLE,
                "Code": {"ZipFile": code("g")},
            },
            "update_function_code": {"FunctionName": "f", "ZipFile": code("other")},
            "update_function_configuration": {"FunctionName": "f", "Description": "other"},
            "publish_version": {"FunctionName": "f"},
            "tag_resource": {"Resource": f"{ARN}f", "Tags": {"a": "b"}},
            "publish_layer_version": {"LayerName": "l", "Content": {"ZipFile": code("layer")}},
            "delete_function": {"FunctionName": "f"},
        }
        for operation, parameters in attempts.items():
            assert refusal(getattr(client, operation), parameters) == "ServiceException"
        assert state(client) == before
        assert invoke(client, {}, "f").document == "f"
        make_room(server, True)
        assert len(list((kept / "packages").iterdir())) == 1
        for name in ("g", "h"):
            create(client, name)
        client.delete_function(FunctionName="h")
        client.tag_resource(Resource=f"{ARN}f", Tags={"a": "b"})
        after = state(client)
    with Serve("--data", kept) as server, connected(server.url) as client:
        assert state(client) == after
        assert [invoke(client, {}, name).document for name in ("f", "g")] == ["f", "g"]
        assert client.get_function(FunctionName="f")["Tags"] == {"a": "b"}


def test_what_a_killed_server_was_writing_is_swept_away(tmp_path: Path) -> None:
    kept = tmp_path / "data"
    with Serve("--data", kept) as server, connected(server.url) as client:
        create(client, "f")
    (package_of_f,) = (kept / "packages").iterdir()
    for name in ("0" * 64, f"{'1' * 64}.part"):
        (kept / "packages" / name).write_bytes(b"half")
    with Serve("--data", kept) as server, connected(server.url) as client:
        assert list((kept / "packages").iterdir()) == [package_of_f]
        assert invoke(client, {}, "f").document == "f"
