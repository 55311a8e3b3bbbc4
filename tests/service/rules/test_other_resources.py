"""Tags, shares of concurrency, resource policies and the account."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime_api.service.errors import (
    InvalidParameterValueException,
    PolicyLengthExceededException,
    PreconditionFailedException,
    ResourceConflictException,
    ResourceNotFoundException,
    ServiceError,
)
from tests.service.account import ARN, Account

S3 = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}


@pytest.fixture
def account() -> Account:
    account = Account()
    account.create()
    account.perform("PublishVersion", FunctionName="f")
    return account


def add(account: Account, name: str = "f", sid: str = "s", **parameters: Any) -> dict[str, Any]:
    given = {**S3, **parameters}
    return account.perform("AddPermission", FunctionName=name, StatementId=sid, **given)


def policy(account: Account, name: str = "f") -> Any:
    return json.loads(account.perform("GetPolicy", FunctionName=name)["Policy"])


# Tags


def tags(account: Account) -> Any:
    return account.perform("ListTags", Resource=f"{ARN}f")["Tags"]


def test_tags_come_change_and_go(account: Account) -> None:
    assert tags(account) == {}
    account.perform("TagResource", Resource=f"{ARN}f", Tags={"A": "a", "B": "b"})
    account.perform("TagResource", Resource=f"{ARN}f", Tags={"B": "c", "D": ""})
    assert tags(account) == {"A": "a", "B": "c", "D": ""}
    assert account.perform("GetFunction", FunctionName="f")["Tags"] == {"A": "a", "B": "c", "D": ""}
    account.perform("UntagResource", Resource=f"{ARN}f", TagKeys=["A", "nothing"])
    assert tags(account) == {"B": "c", "D": ""}


@pytest.mark.parametrize(
    ("resource", "given", "error", "text"),
    [
        (f"{ARN}f", {}, InvalidParameterValueException, "An error occurred and the request cannot be processed."),
        (f"{ARN}f:1", {"a": "b"}, InvalidParameterValueException, "Tags on function aliases and versions are not"),
        (f"{ARN}g", {"a": "b"}, ResourceNotFoundException, f"Function not found: {ARN}g"),
        (f"{ARN}f", {"aws:a": "b"}, InvalidParameterValueException, "reserved"),
        (f"{ARN}f", dict.fromkeys(map(str, range(51)), ""), InvalidParameterValueException, "exceeds resource tag"),
    ],
)
def test_tags_that_cannot_be(
    account: Account, resource: str, given: dict[str, str], error: type[ServiceError], text: str
) -> None:
    with pytest.raises(error, match=text):
        account.perform("TagResource", Resource=resource, Tags=given)


def test_the_limit_of_tags_counts_those_that_are_there(account: Account) -> None:
    account.perform("TagResource", Resource=f"{ARN}f", Tags=dict.fromkeys(map(str, range(50)), ""))
    with pytest.raises(InvalidParameterValueException, match=r"Number of tags exceeds resource tag limit."):
        account.perform("TagResource", Resource=f"{ARN}f", Tags={"50": ""})
    account.perform("TagResource", Resource=f"{ARN}f", Tags={"49": "changed"})


# Concurrency


def test_a_share_is_taken_shown_and_given_back(account: Account) -> None:
    assert account.perform("GetFunctionConcurrency", FunctionName="f") == {}
    put = account.perform("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
    assert put == account.perform("GetFunctionConcurrency", FunctionName="f") == {"ReservedConcurrentExecutions": 0}
    assert account.perform("GetFunction", FunctionName="f")["Concurrency"] == put
    assert "Concurrency" not in account.perform("GetFunctionConfiguration", FunctionName="f")
    account.perform("DeleteFunctionConcurrency", FunctionName="f")
    assert account.perform("GetFunctionConcurrency", FunctionName="f") == {}


@pytest.mark.parametrize("qualifier", ["1", "live", "$LATEST"])
def test_only_whole_functions_have_a_share(account: Account, qualifier: str) -> None:
    for operation, more in (
        ("PutFunctionConcurrency", {"ReservedConcurrentExecutions": 1}),
        ("DeleteFunctionConcurrency", {}),
    ):
        with pytest.raises(InvalidParameterValueException, match="permitted on Lambda functions only"):
            account.perform(operation, FunctionName=f"f:{qualifier}", **more)  # type: ignore[arg-type]


def test_a_hundred_stay_unreserved(account: Account) -> None:
    account.create("g")
    account.perform("PutFunctionConcurrency", FunctionName="g", ReservedConcurrentExecutions=500)
    account.perform("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=400)
    with pytest.raises(InvalidParameterValueException, match=r"below its minimum value of \[100\]\.$") as refusal:
        account.perform("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=401)
    assert refusal.value.fault is None  # Lambda's answer has no Type
    limits = account.perform("GetAccountSettings")["AccountLimit"]
    assert (limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]) == (1000, 100)


def test_the_account_counts_every_version(account: Account) -> None:
    account.perform("UpdateFunctionCode", FunctionName="f", ZipFile=b"1234")
    assert account.perform("GetAccountSettings")["AccountUsage"] == {"TotalCodeSize": 5, "FunctionCount": 1}


# Policies


def test_a_permission_is_a_statement(account: Account) -> None:
    statement = {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": f"{ARN}f",
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "123456789012"},
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
        },
    }
    added = add(account, SourceArn="arn:aws:s3:::b", SourceAccount="123456789012")
    assert json.loads(added["Statement"]) == statement
    assert policy(account) == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("*", "*"),
        ("210987654321", {"AWS": "arn:aws:iam::210987654321:root"}),
        ("arn:aws:iam::210987654321:role/r", {"AWS": "arn:aws:iam::210987654321:role/r"}),
        ("sns.amazonaws.com", {"Service": "sns.amazonaws.com"}),
    ],
)
def test_principals(account: Account, given: str, written: Any) -> None:
    assert json.loads(add(account, Principal=given)["Statement"])["Principal"] == written


def test_a_permission_counts_for_its_own_arn_only(account: Account) -> None:
    account.perform("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    add(account, "f:1", "one")
    add(account, "f:live", "two")
    with pytest.raises(ResourceNotFoundException, match=r"The resource you requested does not exist."):
        policy(account)
    assert policy(account, "f:1")["Statement"][0]["Resource"] == f"{ARN}f:1"
    assert policy(account, "f:live")["Statement"][0]["Resource"] == f"{ARN}f:live"


@pytest.mark.parametrize(
    ("name", "parameters", "error", "text"),
    [
        (
            "f:$LATEST",
            {},
            InvalidParameterValueException,
            r"We currently do not support adding policies for \$LATEST.",
        ),
        (
            "f",
            {"Principal": "service.example.com"},
            InvalidParameterValueException,
            "The provided principal was invalid. Please check",
        ),
        ("g", {}, ResourceNotFoundException, f"Function not found: {ARN}g"),
        ("f:42", {}, ResourceNotFoundException, f"Function not found: {ARN}f:42"),
        ("f:nope", {}, ResourceNotFoundException, f"Cannot find alias arn: {ARN}f:nope"),
        ("f", {"RevisionId": "stale"}, PreconditionFailedException, "Call the GetPolicy API to retrieve the latest"),
    ],
)
def test_permissions_that_cannot_be(
    account: Account, name: str, parameters: dict[str, Any], error: type[ServiceError], text: str
) -> None:
    with pytest.raises(error, match=text):
        add(account, name, **parameters)


def test_a_permission_is_added_on_the_revision_of_the_policy_or_of_what_it_is_for(account: Account) -> None:
    function = account.perform("GetFunctionConfiguration", FunctionName="f")["RevisionId"]
    add(account, sid="a", RevisionId=function)
    first = account.perform("GetPolicy", FunctionName="f")["RevisionId"]
    for stale in (function, "wrong"):
        with pytest.raises(PreconditionFailedException):
            add(account, sid="b", RevisionId=stale)
    add(account, sid="b", RevisionId=first)
    with pytest.raises(PreconditionFailedException):
        account.perform("RemovePermission", FunctionName="f", StatementId="a", RevisionId=first)
    current = account.perform("GetFunctionConfiguration", FunctionName="f")["RevisionId"]
    account.perform("RemovePermission", FunctionName="f", StatementId="a", RevisionId=current)
    account.perform("PublishVersion", FunctionName="f")
    alias = account.perform("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")["RevisionId"]
    add(account, "f:live", RevisionId=alias)
    assert account.perform("GetAlias", FunctionName="f", Name="live")["RevisionId"] != alias


def test_a_statement_id_is_used_once(account: Account) -> None:
    add(account)
    with pytest.raises(ResourceConflictException, match=r"The statement id \(s\) provided already exists"):
        add(account)


def test_a_policy_has_a_limit(account: Account) -> None:
    def add_many() -> None:
        for number in range(200):
            add(account, sid=f"s{number}")

    with pytest.raises(PolicyLengthExceededException):
        add_many()
    assert len(account.perform("GetPolicy", FunctionName="f")["Policy"]) <= 20480


def test_permissions_are_removed(account: Account) -> None:
    add(account, sid="a")
    add(account, sid="b")
    account.perform("RemovePermission", FunctionName="f", StatementId="a")
    assert [each["Sid"] for each in policy(account)["Statement"]] == ["b"]
    with pytest.raises(ResourceNotFoundException, match=r"Statement a is not found in resource policy."):
        account.perform("RemovePermission", FunctionName="f", StatementId="a")
    account.perform("RemovePermission", FunctionName="f", StatementId="b")
    with pytest.raises(ResourceNotFoundException, match=r"No policy is associated with the given resource."):
        account.perform("RemovePermission", FunctionName="f", StatementId="b")
    with pytest.raises(ResourceNotFoundException, match=rf"No policy found for: {ARN}g"):
        account.perform("RemovePermission", FunctionName="g", StatementId="b")
