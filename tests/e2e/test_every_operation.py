"""The AWS CLI calls every operation of the service that it has; a later command shows what each has done."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.service.rules.table import RULES
from tests.e2e.aws_commands import OPERATIONS, REGION, Lambda, ready
from tests.e2e.clients import aws_cli_1, aws_cli_2, connected
from tests.e2e.packages import package
from tests.e2e.running import Serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.aws_commands import Run

slow = pytest.mark.slow

HERE = f"arn:aws:lambda:{REGION}:123456789012"
ROLE = "arn:aws:iam::123456789012:role/r"
PROFILE = f"arn:aws:signer:{REGION}:123456789012:/signing-profiles/p/1234567890"
QUEUE = f"arn:aws:sqs:{REGION}:123456789012:q"
CODE = "import os\ndef handler(event, context):\n    print('got', event)\n    return [{!r}, os.environ.get('SET')]\n"
RUNS_FUNCTIONS = {"Invoke", "InvokeAsync"}


@pytest.fixture(scope="module")
def server() -> Iterator[Serve]:
    with Serve() as server:
        yield server


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with ready(aws_cli_2()) as run:
        yield run


@pytest.fixture
def cli(run: Run, server: Serve, tmp_path: Path) -> Lambda:
    """The AWS CLI 2 in a folder with two packages."""
    for number in (1, 2):
        (tmp_path / f"{number}.zip").write_bytes(package({"app.py": CODE.format(number)}))
    return Lambda(run, server.url, tmp_path)


@pytest.fixture
def function(server: Serve) -> Iterator[str]:
    """A function with a version and the alias `live`."""
    with connected(server.url, "123456789012", region=REGION) as client:
        code = {"ZipFile": package({"app.py": CODE.format(1)})}
        made = client.create_function(
            FunctionName="g", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code, Publish=True
        )
        client.create_alias(FunctionName="g", Name="live", FunctionVersion=made["Version"])
        yield "g"
        client.delete_function(FunctionName="g")


def test_every_operation_has_a_command_here() -> None:
    """But InvokeWithResponseStream: no version of the CLI streams."""
    words = set(re.findall("[a-z-]+", Path(__file__).read_text()))
    assert {OPERATIONS[word] for word in words & OPERATIONS.keys()} == RULES.keys() | RUNS_FUNCTIONS


@slow
def test_functions_with_versions_and_aliases(cli: Lambda, server: Serve) -> None:
    functions(cli, server)
    versions(cli)
    aliases(cli)
    cli("delete-function --function-name f")
    assert "Function not found" in cli.refused("get-function --function-name f")


@slow
def test_settings_of_a_function(cli: Lambda, function: str) -> None:
    policies(cli, function)
    concurrency(cli, function)
    events(cli, function)
    urls(cli, function)
    runtime_management(cli, function)
    tags(cli, function)


@slow
def test_resources_beside_functions(cli: Lambda, function: str) -> None:
    signing(cli, function)
    mappings(cli, function)
    layers(cli)


@slow
def test_recursion_which_version_1_has(server: Serve, function: str, tmp_path: Path) -> None:
    """Debian's version 2 is older than these operations."""
    with ready(aws_cli_1()) as run:
        cli = Lambda(run, server.url, tmp_path)
        cli(f"put-function-recursion-config --function-name {function} --recursive-loop Allow")
        found = cli(f"get-function-recursion-config --function-name {function}")
        assert found == {"RecursiveLoop": "Allow"}


def functions(cli: Lambda, server: Serve) -> None:
    made = cli(
        "create-function --function-name f --runtime python3.11 --handler app.handler --zip-file fileb://1.zip "
        f"--role {ROLE}"
    )
    cli("wait function-active-v2 --function-name f")
    assert cli("get-function --function-name f")["Configuration"]["CodeSha256"] == made["CodeSha256"]
    assert cli.invoke("f") == ({"StatusCode": 200, "ExecutedVersion": "$LATEST"}, "[1, null]")
    (cli.folder / "event.json").write_text('{"by": "event"}')
    assert cli("invoke-async --function-name f --invoke-args event.json") == {"Status": 202}
    server.wait_for(r"got \{'by': 'event'\}")

    cli("update-function-code --function-name f --zip-file fileb://2.zip")
    cli("wait function-updated-v2 --function-name f")
    cli("update-function-configuration --function-name f --timeout 7 --environment Variables={SET=yes}")
    cli("wait function-updated-v2 --function-name f")
    changed = cli("get-function-configuration --function-name f")
    assert (changed["Timeout"], changed["CodeSha256"] != made["CodeSha256"]) == (7, True)
    assert cli.invoke("f")[1] == '[2, "yes"]'
    assert [each["Timeout"] for each in cli("list-functions")["Functions"]] == [7]


def versions(cli: Lambda) -> None:
    assert cli("publish-version --function-name f")["Version"] == "1"
    shown = cli("list-versions-by-function --function-name f")["Versions"]
    assert [each["Version"] for each in shown] == ["$LATEST", "1"]


def aliases(cli: Lambda) -> None:
    cli("create-alias --function-name f --name live --function-version 1 --description before")
    cli("update-alias --function-name f --name live --description after")
    assert cli("get-alias --function-name f --name live")["Description"] == "after"
    cli("create-alias --function-name f --name next --function-version 1")
    cli("delete-alias --function-name f --name next")
    assert [each["Name"] for each in cli("list-aliases --function-name f")["Aliases"]] == ["live"]


def policies(cli: Lambda, function: str) -> None:
    for sid in ("a", "b"):
        cli(
            f"add-permission --function-name {function} --statement-id {sid} --action lambda:InvokeFunction "
            "--principal s3.amazonaws.com"
        )
    cli(f"remove-permission --function-name {function} --statement-id a")
    policy = json.loads(cli(f"get-policy --function-name {function}")["Policy"])
    assert [each["Sid"] for each in policy["Statement"]] == ["b"]


def concurrency(cli: Lambda, function: str) -> None:
    cli(f"put-function-concurrency --function-name {function} --reserved-concurrent-executions 5")
    assert cli(f"get-function-concurrency --function-name {function}") == {"ReservedConcurrentExecutions": 5}
    assert cli("get-account-settings")["AccountLimit"]["UnreservedConcurrentExecutions"] == 995
    cli(f"delete-function-concurrency --function-name {function}")
    assert not cli(f"get-function-concurrency --function-name {function}")

    of_alias = f"--function-name {function} --qualifier live"
    cli(f"put-provisioned-concurrency-config {of_alias} --provisioned-concurrent-executions 1")
    assert cli(f"get-provisioned-concurrency-config {of_alias}")["RequestedProvisionedConcurrentExecutions"] == 1
    listed = f"list-provisioned-concurrency-configs --function-name {function}"
    assert [each["FunctionArn"] for each in cli(listed)["ProvisionedConcurrencyConfigs"]] == [
        f"{HERE}:function:{function}:live"
    ]
    cli(f"delete-provisioned-concurrency-config {of_alias}")
    assert cli(listed)["ProvisionedConcurrencyConfigs"] == []


def events(cli: Lambda, function: str) -> None:
    cli(f"put-function-event-invoke-config --function-name {function} --maximum-retry-attempts 1")
    cli(f"update-function-event-invoke-config --function-name {function} --maximum-event-age-in-seconds 60")
    found = cli(f"get-function-event-invoke-config --function-name {function}")
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (1, 60)
    listed = f"list-function-event-invoke-configs --function-name {function}"
    assert len(cli(listed)["FunctionEventInvokeConfigs"]) == 1
    cli(f"delete-function-event-invoke-config --function-name {function}")
    assert cli(listed)["FunctionEventInvokeConfigs"] == []


def urls(cli: Lambda, function: str) -> None:
    made = cli(f"create-function-url-config --function-name {function} --auth-type AWS_IAM")
    cli(f"update-function-url-config --function-name {function} --auth-type NONE")
    found = cli(f"get-function-url-config --function-name {function}")
    assert (found["FunctionUrl"], found["AuthType"]) == (made["FunctionUrl"], "NONE")
    listed = f"list-function-url-configs --function-name {function}"
    assert len(cli(listed)["FunctionUrlConfigs"]) == 1
    cli(f"delete-function-url-config --function-name {function}")
    assert cli(listed)["FunctionUrlConfigs"] == []


def signing(cli: Lambda, function: str) -> None:
    made = cli(
        f"create-code-signing-config --allowed-publishers SigningProfileVersionArns={PROFILE} --description before"
    )
    config = f"--code-signing-config-arn {made['CodeSigningConfig']['CodeSigningConfigArn']}"
    cli(f"update-code-signing-config {config} --description after")
    assert cli(f"get-code-signing-config {config}")["CodeSigningConfig"]["Description"] == "after"
    cli(f"put-function-code-signing-config --function-name {function} {config}")
    found = cli(f"get-function-code-signing-config --function-name {function}")
    assert found["CodeSigningConfigArn"] == made["CodeSigningConfig"]["CodeSigningConfigArn"]
    using = f"list-functions-by-code-signing-config {config}"
    assert cli(using)["FunctionArns"] == [f"{HERE}:function:{function}"]
    cli(f"delete-function-code-signing-config --function-name {function}")
    assert cli(using)["FunctionArns"] == []
    assert len(cli("list-code-signing-configs")["CodeSigningConfigs"]) == 1
    cli(f"delete-code-signing-config {config}")
    assert cli("list-code-signing-configs")["CodeSigningConfigs"] == []


def runtime_management(cli: Lambda, function: str) -> None:
    cli(f"put-runtime-management-config --function-name {function} --update-runtime-on FunctionUpdate")
    assert cli(f"get-runtime-management-config --function-name {function}")["UpdateRuntimeOn"] == "FunctionUpdate"


def tags(cli: Lambda, function: str) -> None:
    function = f"--resource {HERE}:function:{function}"
    cli(f"tag-resource {function} --tags A=1,B=2")
    cli(f"untag-resource {function} --tag-keys A")
    assert cli(f"list-tags {function}")["Tags"] == {"B": "2"}


def mappings(cli: Lambda, function: str) -> None:
    made = cli(f"create-event-source-mapping --function-name {function} --event-source-arn {QUEUE} --no-enabled")
    mapping = f"--uuid {made['UUID']}"
    assert (
        cli(f"list-event-source-mappings --function-name {function}")["EventSourceMappings"][0]["UUID"]
        == made["UUID"]
    )
    until(cli, f"get-event-source-mapping {mapping}", "Disabled")
    cli(f"update-event-source-mapping {mapping} --batch-size 3")
    assert until(cli, f"get-event-source-mapping {mapping}", "Disabled")["BatchSize"] == 3
    assert cli(f"delete-event-source-mapping {mapping}")["State"] == "Deleting"


def until(cli: Lambda, command: str, state: str) -> Any:
    """Ask until a mapping has this state."""
    for _ in range(60):
        found = cli(command)
        if found["State"] == state:
            return found
    raise AssertionError(f"still {found['State']}")


def layers(cli: Lambda) -> None:
    made = cli("publish-layer-version --layer-name l --zip-file fileb://1.zip --description one")
    version = "--layer-name l --version-number 1"
    assert cli(f"get-layer-version {version}")["Description"] == "one"
    by_arn = cli(f"get-layer-version-by-arn --arn {made['LayerVersionArn']}")
    assert by_arn["Content"]["CodeSha256"] == made["Content"]["CodeSha256"]
    assert [each["LayerName"] for each in cli("list-layers")["Layers"]] == ["l"]
    for sid in ("a", "b"):
        cli(
            f"add-layer-version-permission {version} --statement-id {sid} --action lambda:GetLayerVersion "
            "--principal '*'"
        )
    cli(f"remove-layer-version-permission {version} --statement-id a")
    policy = json.loads(cli(f"get-layer-version-policy {version}")["Policy"])
    assert [each["Sid"] for each in policy["Statement"]] == ["b"]
    cli(f"delete-layer-version {version}")
    assert cli("list-layer-versions --layer-name l")["LayerVersions"] == []
