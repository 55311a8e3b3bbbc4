"""Tenants: an environment serves the tenant that it has served first. And what each environment tells of itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.clients import connected, invoke
from tests.e2e.packages import package
from tests.e2e.running import RAW, Rie, Serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

CODE = """
import os, urllib.error, urllib.request
served = []
def handler(event, context):
    served.append(context.tenant_id)
    return [os.getpid(), served]
def metadata(event, context):
    url = f"http://{os.environ['AWS_LAMBDA_METADATA_API']}/2026-01-15/metadata/execution-environment"
    answers = []
    for token in (os.environ["AWS_LAMBDA_METADATA_TOKEN"], "no"):
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request) as response:
                answers.append([response.status, response.read().decode(), response.headers["Cache-Control"]])
        except urllib.error.HTTPError as error:
            answers.append([error.code, error.read().decode(), None])
    return answers
"""
SETTINGS: dict[str, Any] = {
    "Runtime": "python3.12",
    "Handler": "app.handler",
    "Role": "arn:aws:iam::123456789012:role/r",
}
BY_TENANT = {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}


@pytest.fixture(scope="module")
def server() -> Iterator[Serve]:
    with Serve("--sandbox", "process", "--region", "eu-central-1", shown=False) as server:
        with connected(server.url, region="eu-central-1") as client:
            for name, settings in (("apart", BY_TENANT), ("plain", {}), ("place", {"Handler": "app.metadata"})):
                code = {"ZipFile": package({"app.py": CODE})}
                client.create_function(FunctionName=name, Code=code, **(SETTINGS | settings))
                client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})
        yield server


@pytest.fixture
def client(server: Serve) -> Iterator[Any]:
    with connected(server.url, region="eu-central-1") as client:
        yield client


@pytest.mark.both_sandboxes
def test_an_environment_is_used_again_only_for_its_tenant(client: Any) -> None:
    found = [invoke(client, {}, "apart", TenantId=tenant).document for tenant in ("a", "b", "a", "b")]
    assert [served for _, served in found] == [["a"], ["b"], ["a", "a"], ["b", "b"]]
    assert found[0][0] == found[2][0] != found[1][0] == found[3][0]


def refusal(operation: Any, **parameters: Any) -> str:
    """The code and the message of the error that an operation ends in."""
    try:
        operation(**parameters)
    except ClientError as error:
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    raise AssertionError("it was not refused")


def test_the_tenant_is_demanded_or_forbidden(client: Any) -> None:
    assert refusal(client.invoke, FunctionName="apart") == (
        "InvalidParameterValueException: The invoked function is enabled with tenancy configuration. "
        "Add a valid tenant ID in your request and try again."
    )
    assert refusal(client.invoke, FunctionName="plain", TenantId="a") == (
        "InvalidParameterValueException: The invoked function is not enabled with tenancy configuration. "
        "Remove the tenant ID from your request and try again."
    )


@pytest.mark.parametrize("tenant", ["", "semi;colon", "x" * 257])
def test_a_tenant_that_is_none(server: Serve, tenant: str) -> None:
    reply = server.invoke(b"{}", "apart", X_Amz_Tenant_Id=tenant)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (400, "ValidationException")


def test_what_cannot_be_had_beside_tenants(client: Any) -> None:
    shown = client.get_function_configuration(FunctionName="apart")
    assert shown["TenancyConfig"] == BY_TENANT["TenancyConfig"]
    snap_start = {"ApplyOn": "PublishedVersions"}
    for said in (
        refusal(client.create_function_url_config, FunctionName="apart", AuthType="NONE"),
        refusal(client.update_function_configuration, FunctionName="apart", SnapStart=snap_start),
    ):
        assert said.startswith("InvalidParameterValueException: ")
        assert "(TenancyConfig)" in said


def test_tenants_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One environment for all: a tenant's makes room for the next tenant's."""
    (tmp_path / "app.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    with Serve("--sandbox", "process", "--concurrency", "1", "app.handler", shown=False) as server:
        replies = [server.invoke(b"{}"), *(server.invoke(b"{}", X_Amz_Tenant_Id=tenant) for tenant in "aab")]
    assert [json.loads(reply.body)[1] for reply in replies] == [[None], ["a"], ["a", "a"], ["b"]]


def test_rie_tells_its_one_runtime_the_tenant() -> None:
    with Rie(*RAW) as rie:
        for tenant in ("blue", "green"):
            answer = rie.invoke(b'{"do": "headers"}', X_Amz_Tenant_Id=tenant)
            assert json.loads(answer.body)["lambda-runtime-aws-tenant-id"] == tenant


def test_the_metadata_endpoint(client: Any) -> None:
    right, wrong = invoke(client, {}, "place").document
    assert right == [200, '{"AvailabilityZoneID":"euc1-az1"}', "private, max-age=43200, immutable"]
    assert wrong == [401, "Unauthorized\n", None]
