"""Layers of other accounts: read and used as far as their policies share them, and never changed."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.errors import (
    AccessDeniedException,
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from runtime_api.service.owners import Owner
from tests.service.account import ACCOUNT, Account

OTHER = "111122223333"
ARN = f"arn:aws:lambda:us-east-1:{OTHER}:layer:shared"
USER = f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: lambda:GetLayerVersion on resource: "


def two_accounts() -> tuple[Account, Account]:
    """Return an account, and another one with a layer, which the first one may look up."""
    own, other = Account(), Account(owner=Owner(OTHER, "us-east-1"))
    other.perform("PublishLayerVersion", LayerName="shared", Content={"ZipFile": b"theirs"})
    own.perform("PublishLayerVersion", LayerName="shared", Content={"ZipFile": b"own, of the same name"})
    own.elsewhere[other.owner] = other.shelves
    own.create("f")
    return own, other


def share(account: Account, principal: str, **more: Any) -> None:
    given = {"StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": principal, **more}
    account.perform("AddLayerVersionPermission", LayerName="shared", VersionNumber=1, **given)


@pytest.mark.parametrize("principal", [ACCOUNT, "*"])
def test_a_version_is_read_and_used_once_it_is_shared(principal: str) -> None:
    own, other = two_accounts()
    asked: list[tuple[str, dict[str, Any]]] = [
        ("GetLayerVersionByArn", {"Arn": f"{ARN}:1"}),
        ("GetLayerVersion", {"LayerName": ARN, "VersionNumber": 1}),
        ("UpdateFunctionConfiguration", {"FunctionName": "f", "Layers": [f"{ARN}:1"]}),
    ]
    for operation, parameters in asked:
        with pytest.raises(AccessDeniedException, match=f"{USER}{ARN}:1 because"):
            own.perform(operation, **parameters)
    share(other, principal)
    assert own.perform("GetLayerVersionByArn", Arn=f"{ARN}:1")["Content"]["CodeSize"] == len(b"theirs")
    used = own.perform("UpdateFunctionConfiguration", FunctionName="f", Layers=[f"{ARN}:1"])
    assert used["Layers"] == [{"Arn": f"{ARN}:1", "CodeSize": len(b"theirs")}]


@pytest.mark.parametrize(("principal", "more"), [("444455556666", {}), ("*", {"OrganizationId": "o-1234567890"})])
def test_a_version_that_is_shared_with_others_is_not_read(principal: str, more: dict[str, str]) -> None:
    own, other = two_accounts()
    share(other, principal, **more)
    with pytest.raises(AccessDeniedException):
        own.perform("GetLayerVersionByArn", Arn=f"{ARN}:1")


def test_a_version_that_is_not_there_is_denied_like_one_that_is_not_shared() -> None:
    own, other = two_accounts()
    share(other, "*")
    with pytest.raises(AccessDeniedException, match=f"{USER}{ARN}:2 because"):
        own.perform("GetLayerVersionByArn", Arn=f"{ARN}:2")


def test_layers_of_others_are_not_changed() -> None:
    own, other = two_accounts()
    share(other, "*")
    version = {"LayerName": ARN, "VersionNumber": 1}
    given = {"StatementId": "t", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    for operation, parameters in (
        ("DeleteLayerVersion", version),
        ("AddLayerVersionPermission", {**version, **given}),
        ("GetLayerVersionPolicy", version),
        ("RemoveLayerVersionPermission", {**version, "StatementId": "s"}),
        ("ListLayerVersions", {"LayerName": ARN}),
        ("PublishLayerVersion", {"LayerName": ARN, "Content": {"ZipFile": b"1"}}),
    ):
        with pytest.raises(AccessDeniedException):
            own.perform(operation, **parameters)
    assert own.perform("GetLayerVersionByArn", Arn=f"{ARN}:1")["Version"] == 1
    assert len(own.perform("ListLayerVersions", LayerName="shared")["LayerVersions"]) == 1


def test_another_region_has_other_layers() -> None:
    own, _ = two_accounts()
    elsewhere = f"arn:aws:lambda:eu-west-3:{ACCOUNT}:layer:shared"
    for operation, parameters in (
        ("GetLayerVersionByArn", {"Arn": f"{elsewhere}:1"}),
        ("DeleteLayerVersion", {"LayerName": elsewhere, "VersionNumber": 1}),
    ):
        with pytest.raises(ResourceNotFoundException):
            own.perform(operation, **parameters)
    with pytest.raises(InvalidParameterValueException, match="not in the same region"):
        own.perform("UpdateFunctionConfiguration", FunctionName="f", Layers=[f"{elsewhere}:1"])
