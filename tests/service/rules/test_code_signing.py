"""Code signing configurations, runtime management and recursion settings: kept, shown, attached."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.errors import (
    CodeSigningConfigNotFoundException,
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from tests.service.account import ARN, NOW, Account

PUBLISHERS = {"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:123456789012:/signing-profiles/test"]}
MISSING = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-00000000000000000"
RUNTIME = "arn:aws:lambda:us-east-1::runtime:" + "a" * 64


@pytest.fixture
def account() -> Account:
    account = Account()
    account.create()
    return account


def create(account: Account, **parameters: Any) -> Any:
    made = account.perform("CreateCodeSigningConfig", AllowedPublishers=PUBLISHERS, **parameters)
    return made["CodeSigningConfig"]


def test_a_configuration_is_kept_changed_and_deleted(account: Account) -> None:
    policies = {"UntrustedArtifactOnDeployment": "Enforce"}
    made = create(account, Description="d", CodeSigningPolicies=policies)
    arn = made["CodeSigningConfigArn"]
    assert made == {
        "CodeSigningConfigId": arn.rpartition(":")[2],
        "CodeSigningConfigArn": arn,
        "Description": "d",
        "AllowedPublishers": PUBLISHERS,
        "CodeSigningPolicies": policies,
        "LastModified": NOW,
    }
    changed = account.perform("UpdateCodeSigningConfig", CodeSigningConfigArn=arn, Description="e")
    assert changed["CodeSigningConfig"] == made | {"Description": "e"}
    assert account.perform("GetCodeSigningConfig", CodeSigningConfigArn=arn) == changed
    assert account.perform("ListCodeSigningConfigs")["CodeSigningConfigs"] == [changed["CodeSigningConfig"]]
    account.perform("DeleteCodeSigningConfig", CodeSigningConfigArn=arn)
    assert account.perform("ListCodeSigningConfigs")["CodeSigningConfigs"] == []


def test_packages_without_a_signature_are_let_in_by_default(account: Account) -> None:
    assert create(account)["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"}


def test_a_new_function_may_name_its_configuration(account: Account) -> None:
    arn = create(account)["CodeSigningConfigArn"]
    account.create("g", CodeSigningConfigArn=arn)
    assert account.perform("GetFunctionCodeSigningConfig", FunctionName="g")["CodeSigningConfigArn"] == arn
    with pytest.raises(CodeSigningConfigNotFoundException, match=f"not deleted: {MISSING}"):
        account.create("h", CodeSigningConfigArn=MISSING)


def test_a_configuration_is_attached_to_a_function(account: Account) -> None:
    arn = create(account)["CodeSigningConfigArn"]
    assert account.perform("GetFunctionCodeSigningConfig", FunctionName="f") == {}
    attached = account.perform("PutFunctionCodeSigningConfig", FunctionName="f", CodeSigningConfigArn=arn)
    assert attached == {"CodeSigningConfigArn": arn, "FunctionName": "f"}
    assert account.perform("GetFunctionCodeSigningConfig", FunctionName="f") == attached
    listed = account.perform("ListFunctionsByCodeSigningConfig", CodeSigningConfigArn=arn)
    assert listed["FunctionArns"] == [f"{ARN}f"]
    with pytest.raises(ResourceConflictException):
        account.perform("DeleteCodeSigningConfig", CodeSigningConfigArn=arn)
    account.perform("DeleteFunctionCodeSigningConfig", FunctionName="f")
    assert account.perform("GetFunctionCodeSigningConfig", FunctionName="f") == {}
    assert account.perform("ListFunctionsByCodeSigningConfig", CodeSigningConfigArn=arn)["FunctionArns"] == []


@pytest.mark.parametrize(
    "operation",
    [
        "GetCodeSigningConfig",
        "UpdateCodeSigningConfig",
        "DeleteCodeSigningConfig",
        "ListFunctionsByCodeSigningConfig",
    ],
)
def test_a_missing_configuration_is_named(account: Account, operation: str) -> None:
    with pytest.raises(
        ResourceNotFoundException, match=f"signing configuration {MISSING} can not be found"
    ) as refusal:
        account.perform(operation, CodeSigningConfigArn=MISSING)
    assert refusal.value.fault is None  # Lambda's answer has no Type


def test_a_missing_configuration_is_noticed_before_a_missing_function(account: Account) -> None:
    for name in ("f", "nothing"):
        with pytest.raises(CodeSigningConfigNotFoundException, match=f"is not deleted: {MISSING}"):
            account.perform("PutFunctionCodeSigningConfig", FunctionName=name, CodeSigningConfigArn=MISSING)
    arn = create(account)["CodeSigningConfigArn"]
    with pytest.raises(ResourceNotFoundException, match=f"Function not found: {ARN}nothing"):
        account.perform("PutFunctionCodeSigningConfig", FunctionName="nothing", CodeSigningConfigArn=arn)


def test_loops_are_cut_unless_they_are_allowed(account: Account) -> None:
    assert account.perform("GetFunctionRecursionConfig", FunctionName="f") == {"RecursiveLoop": "Terminate"}
    account.perform("PutFunctionRecursionConfig", FunctionName="f", RecursiveLoop="Allow")
    assert account.perform("GetFunctionRecursionConfig", FunctionName="f") == {"RecursiveLoop": "Allow"}


def test_runtimes_are_managed_by_version(account: Account) -> None:
    account.perform("PublishVersion", FunctionName="f")
    automatic = {"UpdateRuntimeOn": "Auto", "FunctionArn": f"{ARN}f"}
    assert account.perform("GetRuntimeManagementConfig", FunctionName="f") == automatic
    given: dict[str, Any] = {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": RUNTIME}
    put = account.perform("PutRuntimeManagementConfig", FunctionName="f", Qualifier="1", **given)
    assert put == given | {"FunctionArn": f"{ARN}f:1"}
    assert account.perform("GetRuntimeManagementConfig", FunctionName="f", Qualifier="1") == put
    assert account.perform("GetRuntimeManagementConfig", FunctionName="f") == automatic


@pytest.mark.parametrize(
    "given", [{"UpdateRuntimeOn": "Manual"}, {"UpdateRuntimeOn": "Auto", "RuntimeVersionArn": RUNTIME}]
)
def test_only_a_manual_update_names_a_runtime(account: Account, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValueException, match="RuntimeVersionArn"):
        account.perform("PutRuntimeManagementConfig", FunctionName="f", **given)
