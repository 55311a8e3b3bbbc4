"""Aliases."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.errors import (
    InvalidParameterValueException,
    PreconditionFailedException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from tests.service.account import ARN, Account


@pytest.fixture
def account() -> Account:
    """Have a function with the versions 1, 2 and 3."""
    account = Account()
    account.create()
    for number in "123":
        account.perform("UpdateFunctionCode", FunctionName="f", ZipFile=number.encode() * 2)
        account.perform("PublishVersion", FunctionName="f")
    return account


def create(account: Account, name: str = "live", version: str = "1", **parameters: Any) -> dict[str, Any]:
    return account.perform("CreateAlias", FunctionName="f", Name=name, FunctionVersion=version, **parameters)


def test_an_alias_names_a_version(account: Account) -> None:
    created = create(account, Description="d")
    expected = {"AliasArn": f"{ARN}f:live", "Name": "live", "FunctionVersion": "1", "Description": "d"}
    assert created == {**expected, "RevisionId": created["RevisionId"]}
    assert account.perform("GetAlias", FunctionName="f", Name="live") == created
    shown = account.perform("GetFunctionConfiguration", FunctionName="f:live")
    assert (shown["Version"], shown["FunctionArn"]) == ("1", f"{ARN}f:live")


def test_what_an_update_leaves_out_stays(account: Account) -> None:
    created = create(account, Description="d", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    updated = account.perform("UpdateAlias", FunctionName="f", Name="live", FunctionVersion="3")
    assert updated["RevisionId"] != created["RevisionId"]
    assert updated == {**created, "FunctionVersion": "3", "RevisionId": updated["RevisionId"]}


def test_an_empty_routing_config_ends_the_routing(account: Account) -> None:
    create(account, RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    assert "RoutingConfig" not in account.perform("UpdateAlias", FunctionName="f", Name="live", RoutingConfig={})


@pytest.mark.parametrize(
    ("version", "weights", "error"),
    [
        ("1", {"2": 0.1, "3": 0.1}, InvalidParameterValueException),
        ("$LATEST", {"2": 0.1}, InvalidParameterValueException),
        ("1", {"1": 0.1}, InvalidParameterValueException),
        ("1", {"9": 0.1}, ResourceNotFoundException),
        ("9", {}, ResourceNotFoundException),
    ],
)
def test_traffic_goes_to_two_published_versions(
    account: Account, version: str, weights: dict[str, float], error: type[Exception]
) -> None:
    with pytest.raises(error):
        create(account, version=version, RoutingConfig={"AdditionalVersionWeights": weights})


def test_an_alias_may_point_to_latest(account: Account) -> None:
    assert create(account, version="$LATEST")["FunctionVersion"] == "$LATEST"


def test_a_name_is_used_once_and_again_after_its_deletion(account: Account) -> None:
    create(account)
    with pytest.raises(ResourceConflictException, match=rf"Alias already exists: {ARN}f:live"):
        create(account)
    account.perform("DeleteAlias", FunctionName="f", Name="live")
    account.perform("DeleteAlias", FunctionName="f", Name="live")
    assert create(account, version="2")["FunctionVersion"] == "2"


def test_a_missing_alias_is_named(account: Account) -> None:
    with pytest.raises(ResourceNotFoundException, match=rf"Cannot find alias arn: {ARN}f:live"):
        account.perform("GetAlias", FunctionName="f", Name="live")
    with pytest.raises(ResourceNotFoundException, match=rf"Alias not found: {ARN}f:live"):
        account.perform("UpdateAlias", FunctionName="f", Name="live")


def test_a_stale_revision_is_refused(account: Account) -> None:
    stale = create(account)["RevisionId"]
    account.perform("UpdateAlias", FunctionName="f", Name="live", Description="other", RevisionId=stale)
    with pytest.raises(PreconditionFailedException):
        account.perform("UpdateAlias", FunctionName="f", Name="live", Description="third", RevisionId=stale)


def test_aliases_are_listed_by_the_version_that_they_use(account: Account) -> None:
    create(account, "b", "1")
    create(account, "a", "2", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}})
    create(account, "c", "3")
    listed = account.perform("ListAliases", FunctionName="f")["Aliases"]
    assert [each["Name"] for each in listed] == ["a", "b", "c"]
    listed = account.perform("ListAliases", FunctionName="f", FunctionVersion="1")["Aliases"]
    assert [each["Name"] for each in listed] == ["a", "b"]
