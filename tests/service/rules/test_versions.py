"""Published versions."""

from __future__ import annotations

import pytest

from runtime_api.service.errors import InvalidParameterValueException, ResourceConflictException
from tests.service.account import ARN, Account


@pytest.fixture
def account() -> Account:
    account = Account()
    account.create(Description="d")
    return account


def numbers(account: Account) -> list[str]:
    return [each["Version"] for each in account.perform("ListVersionsByFunction", FunctionName="f")["Versions"]]


def test_a_version_is_a_copy_under_its_own_arn(account: Account) -> None:
    version = account.perform("PublishVersion", FunctionName="f", Description="first")
    assert (version["Version"], version["FunctionArn"], version["Description"]) == ("1", f"{ARN}f:1", "first")
    assert (version["State"], version["LastUpdateStatus"]) == ("Active", "Successful")
    assert account.perform("GetFunctionConfiguration", FunctionName="f")["Description"] == "d"


def test_publishing_changes_the_revision_of_latest(account: Account) -> None:
    before = account.perform("GetFunctionConfiguration", FunctionName="f")["RevisionId"]
    account.perform("PublishVersion", FunctionName="f")
    assert account.perform("GetFunctionConfiguration", FunctionName="f")["RevisionId"] != before


def test_publishing_the_same_again_answers_the_last_version(account: Account) -> None:
    first = account.perform("PublishVersion", FunctionName="f", Description="first")
    assert account.perform("PublishVersion", FunctionName="f", Description="another") == first
    assert numbers(account) == ["$LATEST", "1"]


@pytest.mark.parametrize("change", ["code", "configuration"])
def test_publishing_after_a_change_makes_a_new_version(account: Account, change: str) -> None:
    first = account.perform("PublishVersion", FunctionName="f")
    if change == "code":
        account.perform("UpdateFunctionCode", FunctionName="f", ZipFile=b"2")
    else:
        account.perform("UpdateFunctionConfiguration", FunctionName="f", Description="e")
    assert account.perform("PublishVersion", FunctionName="f")["Version"] == "2"
    assert account.perform("GetFunctionConfiguration", FunctionName="f:1") == first


def test_create_with_publish_answers_version_1_under_the_functions_arn(account: Account) -> None:
    created = account.create("g", Publish=True)
    assert (created["Version"], created["FunctionArn"], created["State"]) == ("1", f"{ARN}g", "Pending")
    shown = account.perform("GetFunction", FunctionName="g:1")["Configuration"]
    assert (shown["FunctionArn"], shown["State"], shown["LastUpdateStatus"]) == (f"{ARN}g:1", "Active", "Successful")
    assert account.perform("GetFunction", FunctionName="g")["Configuration"]["FunctionArn"] == f"{ARN}g"
    assert (
        account.perform("GetFunction", FunctionName="g:$LATEST")["Configuration"]["FunctionArn"] == f"{ARN}g:$LATEST"
    )


def test_update_with_publish_answers_the_pending_version(account: Account) -> None:
    updated = account.perform("UpdateFunctionCode", settle=False, FunctionName="f", ZipFile=b"2", Publish=True)
    assert (updated["Version"], updated["FunctionArn"], updated["State"]) == ("1", f"{ARN}f:1", "Pending")
    assert "LastUpdateStatus" not in updated
    latest = account.perform("GetFunctionConfiguration", settle=False, FunctionName="f")
    assert latest["LastUpdateStatus"] == "InProgress"


def test_a_number_is_never_used_again(account: Account) -> None:
    account.perform("PublishVersion", FunctionName="f")
    account.perform("DeleteFunction", FunctionName="f", Qualifier="1")
    assert numbers(account) == ["$LATEST"]
    assert account.perform("PublishVersion", FunctionName="f")["Version"] == "2"


def test_publishing_can_demand_a_content(account: Account) -> None:
    current = account.perform("GetFunctionConfiguration", FunctionName="f")["CodeSha256"]
    with pytest.raises(InvalidParameterValueException, match=r"is different from current CodeSHA256 in"):
        account.perform("PublishVersion", FunctionName="f", CodeSha256="x")
    assert account.perform("PublishVersion", FunctionName="f", CodeSha256=current)["Version"] == "1"


def test_a_version_with_an_alias_cannot_be_deleted(account: Account) -> None:
    account.perform("PublishVersion", FunctionName="f")
    account.perform("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    with pytest.raises(ResourceConflictException, match=r"because the following aliases reference it: \[live\]$"):
        account.perform("DeleteFunction", FunctionName="f:1")
    account.perform("DeleteAlias", FunctionName="f", Name="live")
    account.perform("DeleteFunction", FunctionName="f:1")
    assert numbers(account) == ["$LATEST"]
