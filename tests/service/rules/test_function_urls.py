"""Function URL configurations: who has one, what is shown when, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.errors import (
    ResourceConflictException,
    ResourceNotFoundException,
    ServiceError,
    ValidationException,
)
from tests.service.account import ARN, Account

MOMENT = "2026-01-02T03:04:05.006000Z"
ALIAS_PATTERN = r"((?!^\d+$)^[0-9a-zA-Z-_]+$)"
CORS = {"AllowOrigins": ["https://app.example"], "MaxAge": 5}
MISSING = "The resource you requested does not exist."


@pytest.fixture
def account() -> Account:
    account = Account()
    account.create()
    account.perform("PublishVersion", FunctionName="f")
    account.perform("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    return account


def url(account: Account, operation: str, name: str = "f", **parameters: Any) -> dict[str, Any]:
    return account.perform(f"{operation}FunctionUrlConfig", FunctionName=name, **parameters)


def test_a_creation_shows_what_was_given(account: Account) -> None:
    created = url(account, "Create", AuthType="NONE")
    address = created.pop("FunctionUrl")
    assert created == {"FunctionArn": f"{ARN}f", "AuthType": "NONE", "CreationTime": MOMENT}
    other = url(account, "Create", AuthType="AWS_IAM", Qualifier="live", Cors=CORS, InvokeMode="BUFFERED")
    assert other.pop("FunctionUrl") != address
    assert other == {
        "FunctionArn": f"{ARN}f:live",
        "AuthType": "AWS_IAM",
        "CreationTime": MOMENT,
        "Cors": CORS,
        "InvokeMode": "BUFFERED",
    }


def test_a_read_shows_the_default_mode_and_the_last_change(account: Account) -> None:
    created = url(account, "Create", AuthType="NONE")
    assert url(account, "Get") == {**created, "InvokeMode": "BUFFERED", "LastModifiedTime": MOMENT}


def test_a_change_keeps_what_it_leaves_out(account: Account) -> None:
    created = url(account, "Create", AuthType="NONE", Cors=CORS)
    changed = url(account, "Update", AuthType="AWS_IAM")
    assert changed == {**created, "AuthType": "AWS_IAM", "LastModifiedTime": MOMENT}
    assert url(account, "Update", InvokeMode="RESPONSE_STREAM") == {**changed, "InvokeMode": "RESPONSE_STREAM"}
    assert url(account, "Update") == {**changed, "InvokeMode": "RESPONSE_STREAM"}
    assert url(account, "Update", Cors={"AllowOrigins": ["*"]})["Cors"] == {"AllowOrigins": ["*"]}


def test_a_function_and_its_alias_have_urls_of_their_own(account: Account) -> None:
    for qualifier in ({}, {"Qualifier": "live"}):
        url(account, "Create", AuthType="NONE", **qualifier)
    listed = account.perform("ListFunctionUrlConfigs", FunctionName="f")["FunctionUrlConfigs"]
    assert listed == [url(account, "Get"), url(account, "Get", Qualifier="live")]
    assert url(account, "Delete") == {}
    assert account.perform("ListFunctionUrlConfigs", FunctionName="f") == {"FunctionUrlConfigs": listed[1:]}
    assert url(account, "Get", "f:live") == listed[1]


def test_a_list_comes_in_pages(account: Account) -> None:
    for qualifier in ({}, {"Qualifier": "live"}):
        url(account, "Create", AuthType="NONE", **qualifier)
    first = account.perform("ListFunctionUrlConfigs", FunctionName="f", MaxItems=1)
    rest = account.perform("ListFunctionUrlConfigs", FunctionName="f", Marker=first["NextMarker"])
    assert [*first["FunctionUrlConfigs"], *rest["FunctionUrlConfigs"]] == [
        url(account, "Get"),
        url(account, "Get", Qualifier="live"),
    ]
    assert "NextMarker" not in rest


def test_a_url_outlives_its_alias(account: Account) -> None:
    created = url(account, "Create", AuthType="NONE", Qualifier="live")
    account.perform("DeleteAlias", FunctionName="f", Name="live")
    assert url(account, "Get", Qualifier="live")["FunctionUrl"] == created["FunctionUrl"]
    assert url(account, "Delete", Qualifier="live") == {}


def test_a_second_url_is_refused(account: Account) -> None:
    url(account, "Create", AuthType="NONE", Qualifier="live")
    with pytest.raises(ResourceConflictException) as refusal:
        url(account, "Create", AuthType="NONE", Qualifier="live")
    assert refusal.value.message == (
        f"Failed to create function url config for [functionArn = {ARN}f:live]. "
        "Error message:  FunctionUrlConfig exists for this Lambda function"
    )


@pytest.mark.parametrize(
    ("operation", "name", "parameters", "error", "text"),
    [
        ("Create", "g", {"AuthType": "NONE"}, ResourceNotFoundException, "Function does not exist"),
        ("Create", "f:other", {"AuthType": "NONE"}, ResourceNotFoundException, "Function does not exist"),
        ("Update", "g", {}, ResourceNotFoundException, "Function does not exist"),
        ("Update", "f:other", {}, ResourceNotFoundException, "Function does not exist"),
        ("Update", "f", {}, ResourceNotFoundException, MISSING),
        ("Get", "g", {}, ResourceNotFoundException, MISSING),
        ("Get", "f", {}, ResourceNotFoundException, MISSING),
        ("Delete", "g", {}, ResourceNotFoundException, MISSING),
        ("Delete", "f", {"Qualifier": "live"}, ResourceNotFoundException, MISSING),
        (
            "Get",
            "f",
            {"Qualifier": "1"},
            ValidationException,
            "1 validation error detected: Value '1' at 'qualifier' failed to satisfy constraint: Member must satisfy "
            f"regular expression pattern: {ALIAS_PATTERN}",
        ),
        (
            "Create",
            "f",
            {"AuthType": "NONE", "InvokeMode": "UNKNOWN"},
            ValidationException,
            "1 validation error detected: Value 'UNKNOWN' at 'invokeMode' failed to satisfy constraint: Member must "
            "satisfy enum value set: [RESPONSE_STREAM, BUFFERED]",
        ),
    ],
)
def test_what_is_refused(
    account: Account, operation: str, name: str, parameters: dict[str, str], error: type[ServiceError], text: str
) -> None:
    with pytest.raises(error) as refusal:
        url(account, operation, name, **parameters)
    assert refusal.value.message == text


@pytest.mark.parametrize("qualifier", ["1", "$LATEST"])
def test_only_an_alias_may_be_named(account: Account, qualifier: str) -> None:
    for operation in ("Get", "Update", "Delete"):
        with pytest.raises(ValidationException, match="Member must satisfy regular expression pattern"):
            url(account, operation, "f", Qualifier=qualifier)
        with pytest.raises(ValidationException, match="Member must satisfy regular expression pattern"):
            url(account, operation, f"f:{qualifier}")


def test_a_list_of_a_function_that_is_not_there(account: Account) -> None:
    with pytest.raises(ResourceNotFoundException, match=r"^Function does not exist$"):
        account.perform("ListFunctionUrlConfigs", FunctionName="g")
