"""SnapStart: environments wait as snapshots, and are restored for their first invocation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.clients import connected, invoke
from tests.e2e.packages import package
from tests.e2e.running import Serve

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

HOOKS = """
import os, urllib.request
from snapshot_restore_py import register_after_restore, register_before_snapshot
order = ["init"]
register_before_snapshot(order.append, "before")
register_after_restore(order.append, "after")
{more}
def handler(event, context):
    key = urllib.request.Request(
        os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        headers={{"Authorization": event.get("token", os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"])}},
    )
    try:
        document = urllib.request.urlopen(key).read().decode()
    except urllib.error.HTTPError as error:
        document = error.read().decode()
    kind = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
    return [order, kind, document, sorted(name for name in os.environ if "KEY" in name or "LOG_" in name)]
"""


def app(folder: Path, monkeypatch: pytest.MonkeyPatch, more: str = "") -> str:
    """Write a function with hooks; returns the TARGET for it."""
    (folder / "app.py").write_text(HOOKS.format(more=more))
    monkeypatch.chdir(folder)
    return "app.handler"


def test_a_snapshot_waits_for_its_first_invocation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = app(tmp_path, monkeypatch)
    with Serve("--sandbox", "process", "--snapstart", "--concurrency", "1", target, shown=False) as server:
        order, kind, document, names = json.loads(server.invoke(b"{}").body)
        assert (order, kind, names) == (["init", "before", "after"], "snap-start", [])
        assert json.loads(document)["AccessKeyId"] == "BOOTJACKFALSEKEYID00"
        assert json.loads(server.invoke(b'{"token": "no"}').body)[0] == order, "an environment is restored once"
        assert (
            json.loads(server.invoke(b'{"token": "no"}').body)[2] == "cannot get credentials for the provided token\n"
        )
        server.wait_for("REPORT RequestId", times=3)
        reports = [line for line in server.log().splitlines() if line.startswith("REPORT ")]
    assert ["Restore Duration: " in report for report in reports] == [True, False, False]
    assert "Init Duration" not in reports[0]
    before, _, after = server.log().partition("RESTORE_START Function: app\n")
    assert "INIT_REPORT Init Duration: " in before
    assert after.startswith("RESTORE_REPORT Restore Duration: ")
    assert after.index("RESTORE_REPORT") < after.index("START RequestId: ")


def refusal(client: Any) -> tuple[str, int]:
    """The code and the status of the error that an invocation ends in."""
    try:
        invoke(client, {})
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError("the function has run")


@pytest.mark.parametrize(
    ("hook", "code", "status"),
    [
        ("register_after_restore(lambda: 1 // 0)", "SnapStartException", 400),
        ("import time; register_after_restore(time.sleep, 60)", "SnapStartTimeoutException", 408),
    ],
    ids=["fails", "hangs"],
)
@pytest.mark.timeout(60)
def test_a_hook_after_the_restore_that_goes_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: str, code: str, status: int
) -> None:
    target = app(tmp_path, monkeypatch, hook)
    with Serve("--sandbox", "process", "--snapstart", target, shown=False) as server:
        with connected(server.url) as client:
            assert refusal(client) == (code, status)
        server.wait_for("RESTORE_REPORT ")
        assert "\nSTART RequestId" not in server.log(), "the function has not run"


def test_published_versions_that_ask_for_it_are_restored(tmp_path: Path) -> None:
    code = """
        import os
        def handler(event, context):
            return [context.function_version, os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]]
    """.replace("\n        ", "\n")
    settings: dict[str, Any] = {
        "Runtime": "python3.12",
        "Handler": "app.handler",
        "Role": "arn:aws:iam::123456789012:role/r",
        "SnapStart": {"ApplyOn": "PublishedVersions"},
    }
    with Serve("--sandbox", "process", shown=False) as server, connected(server.url) as client:
        client.create_function(FunctionName="f", Code={"ZipFile": package({"app.py": code})}, **settings)
        client.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.2})
        published = client.publish_version(FunctionName="f")
        client.get_waiter("published_version_active").wait(
            FunctionName="f", Qualifier="1", WaiterConfig={"Delay": 0.2}
        )
        assert published["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
        assert invoke(client, {}, "f").document == ["$LATEST", "on-demand"]
        assert invoke(client, {}, "f", Qualifier="1").document == ["1", "snap-start"]
        assert "Restore Duration: " in server.log()
