"""Environments that are kept initialised: who may have them, and what is shown of them."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.protocol.provisioning import Allocation
from runtime_api.service.errors import (
    InvalidParameterValueException,
    ProvisionedConcurrencyConfigNotFoundException,
    ResourceConflictException,
    ResourceNotFoundException,
    ServiceError,
    ValidationException,
)
from tests.service.account import ARN, NOW, Account

PROVIDER = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:p"

NOT_QUALIFIED = "The function resource provided must be an alias or a published version."
UNPUBLISHED = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
PROVISIONED = "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
POINTED_AT = "Version is pointed by a Provisioned Concurrency alias"
LOW = "account's UnreservedConcurrentExecution below its minimum value of [100]."


@pytest.fixture
def account() -> Account:
    """Version 1 of f with the alias live, and version 2."""
    account = Account()
    account.create()
    account.perform("PublishVersion", FunctionName="f")
    account.perform("UpdateFunctionConfiguration", FunctionName="f", Timeout=4)
    account.perform("PublishVersion", FunctionName="f")
    account.perform("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    return account


def put(account: Account, qualifier: str, requested: int, name: str = "f") -> dict[str, Any]:
    return account.perform(
        "PutProvisionedConcurrencyConfig",
        FunctionName=name,
        Qualifier=qualifier,
        ProvisionedConcurrentExecutions=requested,
    )


def get(account: Account, qualifier: str, name: str = "f") -> dict[str, Any]:
    return account.perform("GetProvisionedConcurrencyConfig", FunctionName=name, Qualifier=qualifier)


def delete(account: Account, qualifier: str) -> None:
    account.perform("DeleteProvisionedConcurrencyConfig", FunctionName="f", Qualifier=qualifier)


def reserve(account: Account, count: int, name: str = "f") -> None:
    account.perform("PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=count)


def unreserved(account: Account) -> Any:
    return account.perform("GetAccountSettings")["AccountLimit"]["UnreservedConcurrentExecutions"]


def shown(requested: int, available: int, status: str, **more: str) -> dict[str, Any]:
    return {
        "RequestedProvisionedConcurrentExecutions": requested,
        "AvailableProvisionedConcurrentExecutions": available,
        "AllocatedProvisionedConcurrentExecutions": available,
        "Status": status,
        "LastModified": NOW,
        **more,
    }


def refused(kind: type[ServiceError], text: str, account: Account, *asked: Any) -> None:
    with pytest.raises(kind) as caught:
        put(account, *asked)
    assert caught.value.message == text


def test_the_status_follows_what_the_server_has_made(account: Account) -> None:
    assert put(account, "1", 3) == get(account, "1") == shown(3, 0, "IN_PROGRESS")
    for made, expected in (
        (Allocation(3), shown(3, 0, "IN_PROGRESS")),
        (Allocation(3, 2), shown(3, 2, "IN_PROGRESS")),
        (Allocation(3, 3), shown(3, 3, "READY")),
        (Allocation(3, 2, 1), shown(3, 2, "FAILED", StatusReason="FUNCTION_ERROR_INIT_FAILURE")),
        (Allocation(3, 1, 1), shown(3, 1, "IN_PROGRESS")),
        (Allocation(3, 0, 3, "no descriptors left"), shown(3, 0, "FAILED", StatusReason="no descriptors left")),
        (Allocation(5, 5), shown(3, 3, "IN_PROGRESS")),  # of the request before
    ):
        account.allocations[f"{ARN}f:1"] = made
        assert get(account, "1") == expected
    account.allocations[f"{ARN}f:1"] = Allocation(3, 3)
    assert put(account, "1", 4) == shown(4, 3, "IN_PROGRESS")


def test_an_alias_has_the_environments_of_the_version_that_it_points_to(account: Account) -> None:
    put(account, "live", 4)
    account.allocations = {f"{ARN}f:1": Allocation(4, 4), f"{ARN}f:2": Allocation(4, 1)}
    assert get(account, "live") == shown(4, 4, "READY")
    account.perform("UpdateAlias", FunctionName="f", Name="live", FunctionVersion="2")
    assert get(account, "live") == shown(4, 1, "IN_PROGRESS")
    weights = {"AdditionalVersionWeights": {"1": 0.25}}
    account.perform("UpdateAlias", FunctionName="f", Name="live", RoutingConfig=weights)
    account.allocations = {f"{ARN}f:1": Allocation(1, 1), f"{ARN}f:2": Allocation(3, 3)}
    assert get(account, "live") == shown(4, 4, "READY")


def test_what_is_provisioned_is_listed_and_goes_with_its_alias_or_version(account: Account) -> None:
    put(account, "live", 1)
    put(account, "2", 2)

    def listed() -> list[tuple[Any, Any]]:
        found = account.perform("ListProvisionedConcurrencyConfigs", FunctionName="f")
        return [
            (each["FunctionArn"], each["RequestedProvisionedConcurrentExecutions"])
            for each in found["ProvisionedConcurrencyConfigs"]
        ]

    assert listed() == [(f"{ARN}f:2", 2), (f"{ARN}f:live", 1)]
    assert unreserved(account) == 997
    account.perform("DeleteAlias", FunctionName="f", Name="live")
    assert listed() == [(f"{ARN}f:2", 2)]
    account.perform("DeleteFunction", FunctionName="f", Qualifier="2")
    assert listed() == []
    assert unreserved(account) == 1000
    put(account, "1", 900)
    account.perform("DeleteFunction", FunctionName="f")
    assert unreserved(account) == 1000


def test_deleting_is_done_when_nothing_is_there(account: Account) -> None:
    put(account, "1", 1)
    delete(account, "1")
    delete(account, "1")
    delete(account, "live")
    with pytest.raises(ProvisionedConcurrencyConfigNotFoundException, match="No Provisioned Concurrency"):
        get(account, "1")


@pytest.mark.parametrize(
    ("name", "qualifier", "error", "text"),
    [
        ("f", "$LATEST", InvalidParameterValueException, NOT_QUALIFIED),
        ("no", "$LATEST", InvalidParameterValueException, NOT_QUALIFIED),
        ("f", "9", ResourceNotFoundException, f"Function not found: {ARN}f:9"),
        ("no", "1", ResourceNotFoundException, f"Function not found: {ARN}no:1"),
        ("f", "dead", ResourceNotFoundException, f"Cannot find alias arn: {ARN}f:dead"),
        ("no", "live", ResourceNotFoundException, f"Cannot find alias arn: {ARN}no:live"),
        ("f", "1", ProvisionedConcurrencyConfigNotFoundException, "No Provisioned Concurrency Config found for this"),
    ],
)
def test_what_has_none(account: Account, name: str, qualifier: str, error: type[ServiceError], text: str) -> None:
    with pytest.raises(error) as caught:
        get(account, qualifier, name)
    assert caught.value.message.startswith(text)


def test_only_what_is_published_can_have_some(account: Account) -> None:
    refused(InvalidParameterValueException, UNPUBLISHED, account, "$LATEST", 1)
    account.perform("CreateAlias", FunctionName="f", Name="edge", FunctionVersion="$LATEST")
    refused(InvalidParameterValueException, UNPUBLISHED, account, "edge", 1)
    put(account, "live", 1)
    with pytest.raises(InvalidParameterValueException, match="unpublished function versions"):
        account.perform("UpdateAlias", FunctionName="f", Name="live", FunctionVersion="$LATEST")
    with pytest.raises(ValidationException, match="greater than or equal to 1"):
        put(account, "1", 0)


def test_a_version_has_one_configuration(account: Account) -> None:
    put(account, "live", 1)
    refused(ResourceConflictException, POINTED_AT, account, "1", 1)
    account.perform("CreateAlias", FunctionName="f", Name="twin", FunctionVersion="1")
    refused(ResourceConflictException, PROVISIONED, account, "twin", 1)
    put(account, "2", 1)
    with pytest.raises(ResourceConflictException, match="already Provisioned version"):
        account.perform("UpdateAlias", FunctionName="f", Name="live", FunctionVersion="2")
    assert get(account, "live") == shown(1, 0, "IN_PROGRESS")


def test_an_alias_with_weights_keeps_what_it_has_and_gets_no_other(account: Account) -> None:
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    account.perform("UpdateAlias", FunctionName="f", Name="live", RoutingConfig=weights)
    text = "Alias with weights can not be used with Provisioned Concurrency"
    refused(InvalidParameterValueException, text, account, "live", 1)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SnapStart", {"ApplyOn": "PublishedVersions"}),
        ("TenancyConfig", {"TenantIsolationMode": "PER_TENANT"}),
        (
            "CapacityProviderConfig",
            {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": PROVIDER}},
        ),
    ],
)
def test_environments_that_come_to_be_in_another_way(account: Account, setting: str, value: dict[str, Any]) -> None:
    account.create("g", Publish=True, Runtime="python3.13", **{setting: value})
    refused(
        InvalidParameterValueException,
        f"Provisioned concurrency is not supported for functions with {setting}.",
        account,
        "1",
        1,
        "g",
    )


def test_no_more_is_provisioned_than_the_account_can_spare(account: Account) -> None:
    account.create("g")
    reserve(account, 500, "g")
    too_many = "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [500]."
    refused(InvalidParameterValueException, too_many, account, "1", 501)
    too_low = f"Specified ConcurrentExecutions for function decreases {LOW}"
    refused(InvalidParameterValueException, too_low, account, "1", 401)
    put(account, "1", 300)
    refused(InvalidParameterValueException, too_low, account, "2", 101)
    assert put(account, "1", 400) == shown(400, 0, "IN_PROGRESS")
    with pytest.raises(InvalidParameterValueException, match="decreases account's UnreservedConcurrentExecution"):
        reserve(account, 501, "g")


def test_what_is_reserved_bounds_what_is_provisioned(account: Account) -> None:
    put(account, "1", 5)
    with pytest.raises(InvalidParameterValueException) as caught:
        reserve(account, 4)
    assert caught.value.message == (
        " ReservedConcurrentExecutions  4 should not be lower than function's total provisioned concurrency [5]."
    )
    reserve(account, 900)  # what is provisioned is a part of it
    assert unreserved(account) == 100
    put(account, "2", 895)
    refused(
        InvalidParameterValueException,
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
        account,
        "2",
        896,
    )
