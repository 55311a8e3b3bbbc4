"""How events are tried, by version and alias."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.errors import InvalidParameterValueException, ResourceNotFoundException
from tests.service.account import ARN, ROLE, Account

NONE: dict[str, Any] = {"OnSuccess": {}, "OnFailure": {}}


@pytest.fixture
def account() -> Account:
    account = Account()
    account.create()
    account.create("g")
    account.perform("PublishVersion", FunctionName="f")
    return account


def put(account: Account, name: str = "f", **settings: Any) -> dict[str, Any]:
    shown = account.perform("PutFunctionEventInvokeConfig", FunctionName=name, **settings)
    assert shown.pop("LastModified") > 0
    return shown


def get(account: Account, name: str = "f") -> dict[str, Any]:
    shown = account.perform("GetFunctionEventInvokeConfig", FunctionName=name)
    del shown["LastModified"]
    return shown


def test_put_replaces_and_update_adds(account: Account) -> None:
    latest = {"DestinationConfig": NONE, "FunctionArn": f"{ARN}f:$LATEST"}
    assert put(account, MaximumRetryAttempts=0) == latest | {"MaximumRetryAttempts": 0}
    assert put(account, MaximumEventAgeInSeconds=60) == latest | {"MaximumEventAgeInSeconds": 60}
    account.perform("UpdateFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=1)
    expected = latest | {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 1}
    assert get(account) == get(account, "f:$LATEST") == expected
    destination = {"OnFailure": {"Destination": f"{ARN}g"}}
    account.perform("UpdateFunctionEventInvokeConfig", FunctionName="f", DestinationConfig=destination)
    assert get(account) == expected | {"DestinationConfig": NONE | destination}


def test_each_version_and_alias_has_its_own(account: Account) -> None:
    missing = f"The function {ARN}f:1 doesn't have an EventInvokeConfig"
    with pytest.raises(ResourceNotFoundException, match=missing):
        get(account, "f:1")
    account.perform("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    for name in ("f", "f:1", "f:live"):
        put(account, name, MaximumRetryAttempts=1)
    listed = account.perform("ListFunctionEventInvokeConfigs", FunctionName="f")["FunctionEventInvokeConfigs"]
    assert [each["FunctionArn"] for each in listed] == [f"{ARN}f:$LATEST", f"{ARN}f:1", f"{ARN}f:live"]
    account.perform("DeleteFunctionEventInvokeConfig", FunctionName="f:1")
    with pytest.raises(ResourceNotFoundException, match=missing):
        account.perform("DeleteFunctionEventInvokeConfig", FunctionName="f:1")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "You must specify at least one of error handling or destination setting"),
        ({"DestinationConfig": {"OnSuccess": {"Destination": f"{ARN}f"}}}, "as a destination for itself"),
        ({"DestinationConfig": {"OnSuccess": {"Destination": f"{ARN}no"}}}, f"ARN {ARN}no is invalid"),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": ROLE}}},
            rf"config DestinationConfig\(onSuccess=OnSuccess\(destination={ROLE}\), onFailure=null\) is invalid\.",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "kafka://topic"}}},
            r"\(onSuccess=null, onFailure=OnFailure\(destination=kafka://topic\)\) is invalid\.",
        ),
    ],
)
def test_settings_that_cannot_be(account: Account, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParameterValueException, match=text):
        put(account, **settings)


def test_what_is_not_there_has_no_settings(account: Account) -> None:
    with pytest.raises(ResourceNotFoundException, match="The function doesn't exist"):
        put(account, "f:9", MaximumRetryAttempts=1)
    with pytest.raises(ResourceNotFoundException, match="The function doesn't exist"):
        put(account, "no", MaximumRetryAttempts=1)
    with pytest.raises(ResourceNotFoundException, match="The function doesn't exist"):
        account.perform("ListFunctionEventInvokeConfigs", FunctionName="no")
    for name, arn in (("no", f"{ARN}no:\\$LATEST"), ("f:9", f"{ARN}f:9")):
        for operation in ("GetFunctionEventInvokeConfig", "DeleteFunctionEventInvokeConfig"):
            with pytest.raises(
                ResourceNotFoundException, match=f"The function {arn} doesn't have an EventInvokeConfig"
            ):
                account.perform(operation, FunctionName=name)
