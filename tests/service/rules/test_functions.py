# ruff: noqa: E501 - a text is easier to compare in one line
"""Functions, from creation to deletion."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.errors import (
    AccessDeniedException,
    InvalidParameterValueException,
    PreconditionFailedException,
    ResourceConflictException,
    ResourceNotFoundException,
    ServiceError,
)
from tests.service.account import ARN, ROLE, Account

CONFIGURATION = {
    "Architectures": ["x86_64"],
    "CodeSha256": "a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s=",
    "CodeSize": 1,
    "Description": "",
    "EphemeralStorage": {"Size": 512},
    "FunctionArn": f"{ARN}f",
    "FunctionName": "f",
    "Handler": "h",
    "LastModified": "2026-01-02T03:04:05.006+0000",
    "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"},
    "MemorySize": 128,
    "PackageType": "Zip",
    "Role": ROLE,
    "Runtime": "provided.al2023",
    "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "Version": "$LATEST",
}
PENDING = {"State": "Pending", "StateReason": "The function is being created.", "StateReasonCode": "Creating"}
DONE = {"State": "Active", "LastUpdateStatus": "Successful"}
IN_PROGRESS = {
    "State": "Active",
    "LastUpdateStatus": "InProgress",
    "LastUpdateStatusReason": "The function is being created.",
    "LastUpdateStatusReasonCode": "Creating",
}


@pytest.fixture
def account() -> Account:
    return Account()


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


def test_a_new_function_has_lambdas_defaults_and_is_pending(account: Account) -> None:
    created = account.create()
    assert without(created, "RevisionId", "RuntimeVersionConfig") == CONFIGURATION | PENDING
    assert created["RuntimeVersionConfig"]["RuntimeVersionArn"].startswith("arn:aws:lambda:us-east-1::runtime:")


def test_a_function_becomes_active_under_a_new_revision(account: Account) -> None:
    created = account.create()
    shown = account.perform("GetFunctionConfiguration", FunctionName="f")
    assert without(shown, "RevisionId", "RuntimeVersionConfig") == CONFIGURATION | DONE
    assert shown["RevisionId"] != created["RevisionId"]


def test_a_list_shows_no_states(account: Account) -> None:
    account.create()
    (shown,) = account.perform("ListFunctions")["Functions"]
    assert without(shown, "RevisionId") == CONFIGURATION


def test_every_setting_is_kept(account: Account) -> None:
    settings: dict[str, Any] = {
        "Description": "d",
        "Timeout": 900,
        "MemorySize": 3008,
        "Environment": {"Variables": {"A1": "b"}},
        "EphemeralStorage": {"Size": 1024},
        "TracingConfig": {"Mode": "Active"},
        "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:q"},
        "KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k",
        "LoggingConfig": {
            "LogFormat": "JSON",
            "LogGroup": "/own",
            "ApplicationLogLevel": "INFO",
            "SystemLogLevel": "WARN",
        },
        "Architectures": ["arm64"],
    }
    account.create(**settings)
    shown = account.perform("GetFunctionConfiguration", FunctionName="f")
    assert {name: shown[name] for name in settings} == settings
    account.perform("UpdateFunctionConfiguration", FunctionName="f", Timeout=5)
    shown = account.perform("GetFunctionConfiguration", FunctionName="f")
    assert {name: shown[name] for name in settings} == settings | {"Timeout": 5}


@pytest.mark.parametrize(
    ("runtime", "has_snapshots"),
    [
        *(
            (runtime, True)
            for runtime in ("java11", "java17", "java25", "python3.12", "python3.14", "dotnet8", "dotnet10")
        ),
        *((runtime, False) for runtime in ("nodejs22.x", "python3.11", "provided.al2023", "ruby3.4", "dotnet6")),
    ],
)
def test_snapshots_are_made_of_some_runtimes(account: Account, runtime: str, has_snapshots: bool) -> None:
    snap_start = {"ApplyOn": "PublishedVersions"}
    account.create(Runtime=runtime, SnapStart={"ApplyOn": "None"})
    if has_snapshots:
        account.create("g", Runtime=runtime, SnapStart=snap_start)
        changed = account.perform("UpdateFunctionConfiguration", FunctionName="f", SnapStart=snap_start)
        assert changed["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
        return
    refusal = f"{runtime} is not supported for SnapStart enabled functions."
    with pytest.raises(InvalidParameterValueException, match=refusal):
        account.create("g", Runtime=runtime, SnapStart=snap_start)
    with pytest.raises(InvalidParameterValueException, match=refusal):
        account.perform("UpdateFunctionConfiguration", FunctionName="f", SnapStart=snap_start)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([{"LogFormat": "JSON"}], {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}),
        (
            [{"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}, {"ApplicationLogLevel": "ERROR"}],
            {"LogFormat": "JSON", "ApplicationLogLevel": "ERROR", "SystemLogLevel": "DEBUG"},
        ),
        ([{"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}, {"LogFormat": "Text"}], {"LogFormat": "Text"}),
        ([{"LogFormat": "JSON"}, {"LogGroup": "/aws/lambda/f", "LogFormat": "Text"}], {"LogFormat": "Text"}),
    ],
)
def test_levels_of_a_log_belong_to_json(
    account: Account, changes: list[dict[str, str]], expected: dict[str, str]
) -> None:
    account.create()
    for change in changes:
        account.perform("UpdateFunctionConfiguration", FunctionName="f", LoggingConfig=change)
    shown = account.perform("GetFunctionConfiguration", FunctionName="f")["LoggingConfig"]
    assert shown == {"LogGroup": "/aws/lambda/f", **expected}
    with pytest.raises(
        InvalidParameterValueException, match='Log level is not supported when LogFormat is set to "Text"'
    ):
        account.create("g", LoggingConfig={"ApplicationLogLevel": "DEBUG"})


def test_a_vpc_is_shown_and_can_be_taken_away(account: Account) -> None:
    vpc = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    created = account.create(VpcConfig=vpc)
    assert created["VpcConfig"] | vpc == created["VpcConfig"]
    assert created["VpcConfig"]["VpcId"]
    empty: dict[str, list[str]] = {"SubnetIds": [], "SecurityGroupIds": []}
    shown = account.perform("UpdateFunctionConfiguration", FunctionName="f", VpcConfig=empty)["VpcConfig"]
    assert shown == {**empty, "VpcId": "", "Ipv6AllowedForDualStack": False}
    with pytest.raises(InvalidParameterValueException, match=r"must coexist or be both empty list\.$"):
        account.create("g", VpcConfig={"SubnetIds": ["subnet-1"]})


def test_a_file_system_needs_a_vpc(account: Account) -> None:
    arn = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0"
    systems = [{"Arn": arn, "LocalMountPath": "/mnt/a"}]
    with pytest.raises(InvalidParameterValueException, match=f"in a VPC to reference access point {arn}"):
        account.create(FileSystemConfigs=systems)
    account.create(FileSystemConfigs=systems, VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]})
    with pytest.raises(InvalidParameterValueException, match=f"cannot be removed with access point {arn} referenced"):
        account.perform(
            "UpdateFunctionConfiguration", FunctionName="f", VpcConfig={"SubnetIds": [], "SecurityGroupIds": []}
        )


def test_an_empty_setting_is_lambdas_default(account: Account) -> None:
    created = account.create(TracingConfig={}, DeadLetterConfig={})
    assert created["TracingConfig"] == {"Mode": "PassThrough"}
    assert "DeadLetterConfig" not in created
    queue = {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:q"}
    for given, shown in ((queue, queue), ({"TargetArn": ""}, None)):
        changed = account.perform("UpdateFunctionConfiguration", FunctionName="f", DeadLetterConfig=given)
        assert changed.get("DeadLetterConfig") == shown


def test_a_change_is_in_progress_until_it_has_settled(account: Account) -> None:
    account.create()
    before = account.perform("GetFunctionConfiguration", FunctionName="f")
    updated = account.perform("UpdateFunctionCode", settle=False, FunctionName="f", ZipFile=b"22")
    assert IN_PROGRESS.items() <= updated.items()
    assert (updated["CodeSize"], updated["RevisionId"] != before["RevisionId"]) == (2, True)
    with pytest.raises(ResourceConflictException, match=rf"An update is in progress for resource: {ARN}f"):
        account.perform("UpdateFunctionConfiguration", FunctionName="f", Timeout=4)
    account.settle()
    assert account.perform("UpdateFunctionConfiguration", FunctionName="f", Timeout=4)["Timeout"] == 4


def test_a_pending_function_cannot_be_changed(account: Account) -> None:
    account.perform(
        "CreateFunction",
        settle=False,
        FunctionName="f",
        Runtime="provided.al2023",
        Handler="h",
        Role=ROLE,
        Code={"ZipFile": b""},
    )
    with pytest.raises(ResourceConflictException, match=r"in the following state: Pending"):
        account.perform("UpdateFunctionCode", FunctionName="f", ZipFile=b"2")


def test_a_dry_run_changes_nothing(account: Account) -> None:
    account.create()
    before = account.perform("GetFunction", FunctionName="f")
    assert account.perform("UpdateFunctionCode", FunctionName="f", ZipFile=b"22", DryRun=True)["CodeSize"] == 2
    assert account.perform("GetFunction", FunctionName="f") == before


def test_a_stale_revision_is_refused(account: Account) -> None:
    stale = account.create()["RevisionId"]
    for operation, parameters in (
        ("UpdateFunctionConfiguration", {"Timeout": 4}),
        ("UpdateFunctionCode", {"ZipFile": b"2"}),
        ("PublishVersion", {}),
    ):
        with pytest.raises(PreconditionFailedException, match=r"Call the GetFunction/GetAlias API to retrieve"):
            account.perform(operation, FunctionName="f", RevisionId=stale, **parameters)


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("g", ResourceNotFoundException, f"Function not found: {ARN}g"),
        ("f:7", ResourceNotFoundException, f"Function not found: {ARN}f:7"),
        ("f:live", ResourceNotFoundException, f"Function not found: {ARN}f:live"),
        ("arn:aws:lambda:us-east-1:123456789012:function", ResourceNotFoundException, f"{ARN}function"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:f", ResourceNotFoundException, "Functions from 'eu-west-1' are not reachable in this region \\('us-east-1'\\)"),
        ("arn:aws:lambda:us-east-1:210987654321:function:f", AccessDeniedException, "^$"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named(account: Account, name: str, error: type[ServiceError], text: str) -> None:
    account.create()
    for operation in ("GetFunction", "GetFunctionConfiguration"):
        with pytest.raises(error, match=text):
            account.perform(operation, FunctionName=name)


def test_two_different_qualifiers_are_refused(account: Account) -> None:
    account.create()
    with pytest.raises(
        InvalidParameterValueException, match=r"The derived qualifier from the function name does not"
    ):
        account.perform("GetFunction", FunctionName="f:1", Qualifier="2")


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"Runtime": "nope"}, r"Value nope at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: \[nodejs20.x, python3.14, .*, java8.al2\] or be a valid ARN$"),
        ({"Runtime": "python3.7"}, "The runtime parameter of python3.7 is no longer supported for creating or updating AWS Lambda functions"),
        ({"Environment": {"Variables": {"AWS_REGION": "x", "TZ": "y"}}}, "Reserved keys used in this request: AWS_REGION, TZ$"),
        ({"Environment": {"Variables": {"A1": "x" * 4090}}}, 'exceeded the 4KB limit. String measured: {"A1":"x'),
        ({"Tags": {str(number): "" for number in range(51)}}, "Number of tags exceeds resource tag limit."),
    ],
)  # fmt: skip
def test_what_a_function_may_not_have_is_refused(account: Account, parameters: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParameterValueException, match=text):
        account.create(**parameters)
    assert account.functions == {}


def test_variables_just_below_the_limit_are_accepted(account: Account) -> None:
    created = account.create(Environment={"Variables": {"A1": "x" * (4096 - len('{"A1":""}'))}})
    assert len(created["Environment"]["Variables"]["A1"]) == 4087


def test_a_name_that_is_too_long_is_refused_when_a_function_is_made(account: Account) -> None:
    with pytest.raises(InvalidParameterValueException, match=r"at 'functionName' failed .* less than or equal to 64"):
        account.create("a" * 65)
    with pytest.raises(ResourceNotFoundException):
        account.perform("GetFunction", FunctionName="a" * 65)


def test_a_name_is_used_once(account: Account) -> None:
    account.create()
    with pytest.raises(ResourceConflictException, match=r"Function already exist: f"):
        account.create()


def test_a_function_needs_code_a_runtime_and_a_handler(account: Account) -> None:
    with pytest.raises(InvalidParameterValueException, match=r"Please provide a source for function code."):
        account.create(Code={})
    with pytest.raises(InvalidParameterValueException, match=r"Runtime and Handler are mandatory parameters"):
        account.perform("CreateFunction", FunctionName="f", Role=ROLE, Code={"ZipFile": b""})


def test_a_deleted_function_is_gone_and_its_numbers_are_not_used_again(account: Account) -> None:
    account.create(Publish=True)
    account.perform("DeleteFunction", FunctionName="f")
    with pytest.raises(ResourceNotFoundException, match=rf"Function not found: {ARN}f$"):
        account.perform("DeleteFunction", FunctionName="f")
    assert account.create(Publish=True)["Version"] == "2"


def test_only_versions_can_be_deleted_by_qualifier(account: Account) -> None:
    account.create()
    with pytest.raises(InvalidParameterValueException, match=r"\$LATEST version cannot be deleted without deleting"):
        account.perform("DeleteFunction", FunctionName="f", Qualifier="$LATEST")
    with pytest.raises(InvalidParameterValueException, match=r"Deletion of aliases is not currently supported."):
        account.perform("DeleteFunction", FunctionName="f:live")


def test_functions_are_listed_in_pages(account: Account) -> None:
    names = [f"f{number:03}" for number in range(120)]
    for name in reversed(names):
        account.create(name)
    found: list[str] = []
    more: dict[str, Any] = {}
    while True:
        answer = account.perform("ListFunctions", **more)
        found += [function["FunctionName"] for function in answer["Functions"]]
        if not answer.get("NextMarker"):
            break
        assert len(answer["Functions"]) == 50
        more = {"Marker": answer["NextMarker"]}
        account.perform("DeleteFunction", FunctionName=found[-1])  # the marker's own function may go meanwhile
    assert found == names
    with pytest.raises(InvalidParameterValueException, match=r"Invalid Marker"):
        account.perform("ListFunctions", Marker="%%%")


def test_every_version_is_listed_on_demand(account: Account) -> None:
    account.create("f", Publish=True)
    account.create("f-g")
    listed = account.perform("ListFunctions", FunctionVersion="ALL")["Functions"]
    assert [each["FunctionArn"] for each in listed] == [f"{ARN}f:$LATEST", f"{ARN}f:1", f"{ARN}f-g:$LATEST"]
