"""Provisioned concurrency by boto3: environments that are made ahead, used first, replaced, and kept by a restart."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.clients import connected, invoke
from tests.e2e.packages import package
from tests.e2e.running import SECONDS, Serve

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/r"
REASON = "ReservedFunctionConcurrentInvocationLimitExceeded"
CODE = """
import os, threading, time

if os.environ.get("DO") == "fail":
    raise RuntimeError("no init")
SERVED = []

def handler(event, context):
    SERVED.append(event)
    if event.get("do") == "exit":
        os._exit(3)
    time.sleep(event.get("sleep", 0))
    return [os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], len(SERVED), context.function_version]
"""
AHEAD, ON_DEMAND = "provisioned-concurrency", "on-demand"


def create(client: Any, name: str, **variables: str) -> None:
    """Create a function with version 1 and the alias `live` of it."""
    client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role=ROLE,
        Timeout=30,
        Code={"ZipFile": package({"app.py": CODE})},
        Environment={"Variables": variables},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")


def put(client: Any, name: str, qualifier: str, count: int) -> dict[str, Any]:
    shown: dict[str, Any] = client.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )
    return shown


def counts(shown: dict[str, Any]) -> tuple[Any, ...]:
    """The numbers that are requested, allocated and available, and the status."""
    kinds = ("Requested", "Allocated", "Available")
    return (*(shown[f"{kind}ProvisionedConcurrentExecutions"] for kind in kinds), shown["Status"])


def get(client: Any, name: str, qualifier: str) -> dict[str, Any]:
    shown: dict[str, Any] = client.get_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)
    return shown


def settled(client: Any, name: str, qualifier: str) -> dict[str, Any]:
    """What is shown when the environments have been made, well or badly."""
    deadline = time.monotonic() + SECONDS
    while (shown := get(client, name, qualifier))["Status"] == "IN_PROGRESS":
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)
    return shown


def throttled(client: Any, name: str) -> dict[str, Any]:
    """The refusal of an invocation."""
    try:
        invoke(client, {}, name)
    except client.exceptions.TooManyRequestsException as error:
        response: dict[str, Any] = error.response
        return response
    raise AssertionError("it was not throttled")


def kinds(server: Serve, name: str, callers: int) -> list[str]:
    """How the environments were initialised that so many callers at once get."""

    def call(_number: int) -> str:
        with connected(server.url) as client:
            kind: str = invoke(client, {"sleep": 1}, name).document[0]
            return kind

    with ThreadPoolExecutor(callers) as pool:
        return sorted(pool.map(call, range(callers)))


def test_environments_are_initialised_ahead_also_after_a_restart(tmp_path: Path) -> None:
    options = ("--data", str(tmp_path / "data"), "--idle-timeout", "0.2")
    with Serve(*options) as server, connected(server.url) as client:
        create(client, "f")
        assert counts(put(client, "f", "live", 2)) == counts(get(client, "f", "live")) == (2, 0, 0, "IN_PROGRESS")
        assert counts(settled(client, "f", "live")) == (2, 2, 2, "READY")
        assert kinds(server, "f:live", 3) == [ON_DEMAND, AHEAD, AHEAD]
        assert invoke(client, {}, "f").document == [ON_DEMAND, 1, "$LATEST"]
        assert invoke(client, {}, "f:1").document[0] == AHEAD
        assert "Runtime.ExitError" in invoke(client, {"do": "exit"}, "f:live").payload.decode()
        assert counts(settled(client, "f", "live")) == (2, 2, 2, "READY")
        assert kinds(server, "f:live", 2) == [AHEAD, AHEAD]
    with Serve(*options) as server, connected(server.url) as client:
        assert counts(get(client, "f", "live")) == (2, 0, 0, "IN_PROGRESS")
        assert counts(settled(client, "f", "live")) == (2, 2, 2, "READY")
        assert invoke(client, {}, "f:live").document == [AHEAD, 1, "1"]


def test_an_alias_takes_its_environments_along(tmp_path: Path) -> None:
    with Serve("--data", str(tmp_path / "data")) as server, connected(server.url) as client:
        create(client, "f")
        put(client, "f", "live", 1)
        settled(client, "f", "live")
        client.update_function_configuration(FunctionName="f", Description="second")
        client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.2})
        client.publish_version(FunctionName="f")
        client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
        assert counts(get(client, "f", "live")) == (1, 0, 0, "IN_PROGRESS")
        settled(client, "f", "live")
        assert invoke(client, {}, "f:live").document == [AHEAD, 1, "2"]
        assert invoke(client, {}, "f:1").document == [ON_DEMAND, 1, "1"]
        client.delete_alias(FunctionName="f", Name="live")
        assert client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"] == []
        assert invoke(client, {}, "f:2").document == [ON_DEMAND, 1, "2"]


def test_a_reservation_that_is_all_provisioned_stops_the_unpublished_version(tmp_path: Path) -> None:
    with Serve("--data", str(tmp_path / "data")) as server, connected(server.url) as client:
        create(client, "f")
        client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
        assert invoke(client, {}, "f").document == [ON_DEMAND, 1, "$LATEST"]
        put(client, "f", "1", 1)
        settled(client, "f", "1")
        answer = throttled(client, "f")
        assert (answer["Error"]["Message"], answer["Reason"], answer["Type"]) == ("Rate Exceeded.", REASON, "User")
        assert "retryAfterSeconds" not in answer
        assert invoke(client, {}, "f:1").document == [AHEAD, 1, "1"]
        client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
        assert invoke(client, {}, "f").document[0] == ON_DEMAND


@pytest.mark.both_sandboxes
def test_an_init_that_fails_is_told(tmp_path: Path) -> None:
    with Serve("--data", str(tmp_path / "data")) as server, connected(server.url) as client:
        create(client, "broken", DO="fail")
        put(client, "broken", "1", 2)
        shown = settled(client, "broken", "1")
        assert counts(shown) == (2, 0, 0, "FAILED")
        assert shown["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"
        assert "no init" in invoke(client, {}, "broken:1").document["errorMessage"]
