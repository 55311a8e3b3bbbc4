"""Who may use a layer version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime_api.service.errors import (
    PreconditionFailedException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from tests.service.account import Account

LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:l:1"
AT: dict[str, Any] = {"LayerName": "l", "VersionNumber": 1}


@pytest.fixture
def account() -> Account:
    account = Account()
    account.perform("PublishLayerVersion", LayerName="l", Content={"ZipFile": b"1"})
    return account


def add(account: Account, sid: str = "s", principal: str = "*", **parameters: Any) -> Any:
    given: dict[str, Any] = {**AT, "Action": "lambda:GetLayerVersion", "StatementId": sid, "Principal": principal}
    return account.perform("AddLayerVersionPermission", **given, **parameters)


@pytest.mark.parametrize(
    ("principal", "parameters", "written"),
    [
        ("*", {}, {"Principal": "*"}),
        ("210987654321", {}, {"Principal": {"AWS": "arn:aws:iam::210987654321:root"}}),
        (
            "*",
            {"OrganizationId": "o-a1b2c3d4e5"},
            {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}},
        ),
    ],
)
def test_a_permission_is_a_statement(
    account: Account, principal: str, parameters: dict[str, Any], written: dict[str, Any]
) -> None:
    statement = {"Sid": "s", "Effect": "Allow", "Action": "lambda:GetLayerVersion", "Resource": LAYER, **written}
    added = add(account, principal=principal, **parameters)
    assert json.loads(added["Statement"]) == statement
    shown = account.perform("GetLayerVersionPolicy", **AT)
    assert shown["RevisionId"] == added["RevisionId"]
    assert json.loads(shown["Policy"]) == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}


def test_permissions_are_removed(account: Account) -> None:
    add(account, "a")
    add(account, "b")
    account.perform("RemoveLayerVersionPermission", **AT, StatementId="a")
    with pytest.raises(ResourceNotFoundException, match=r"Statement a is not found in resource policy\."):
        account.perform("RemoveLayerVersionPermission", **AT, StatementId="a")
    account.perform("RemoveLayerVersionPermission", **AT, StatementId="b")
    with pytest.raises(ResourceNotFoundException, match=r"No policy is associated with the given resource\."):
        account.perform("GetLayerVersionPolicy", **AT)


def test_a_statement_id_is_used_once_and_a_stale_revision_refused(account: Account) -> None:
    stale = add(account)["RevisionId"]
    with pytest.raises(ResourceConflictException, match=r"The statement id \(s\) provided already exists"):
        add(account)
    add(account, "t")
    with pytest.raises(PreconditionFailedException, match="Call the GetLayerPolicy API"):
        add(account, "u", RevisionId=stale)


def test_a_missing_version_is_not_found(account: Account) -> None:
    for operation, parameters in (
        ("GetLayerVersionPolicy", {}),
        ("RemoveLayerVersionPermission", {"StatementId": "s"}),
    ):
        with pytest.raises(ResourceNotFoundException):
            account.perform(operation, **{**AT, "VersionNumber": 2, **parameters})
