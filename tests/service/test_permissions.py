"""Who may invoke a function, by its policy as AddPermission writes it."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.owners import Caller, Owner
from runtime_api.service.permissions import INVOKE, NO_SOURCE, Source, is_allowed, opens_url
from tests.service.account import ACCOUNT, Account

OWN = Caller(Owner(ACCOUNT, "us-east-1"))
OTHER = Caller(Owner("111122223333", "us-east-1"))
S3 = Caller(Owner(ACCOUNT, "us-east-1"), "s3.amazonaws.com")
BUCKET = Source("arn:aws:s3:::photos", ACCOUNT)


def allowed(caller: Caller, source: Source = NO_SOURCE, **statement: Any) -> bool:
    """Whether a function with this one statement may be invoked."""
    account = Account()
    account.create("f")
    named = {"StatementId": "s", "Action": "lambda:InvokeFunction", **statement}
    account.perform("AddPermission", FunctionName="f", **named)
    return is_allowed(account.functions["f"].policies.get(""), INVOKE, ACCOUNT, caller, source)


def test_without_a_policy_only_the_own_account_may() -> None:
    assert is_allowed(None, INVOKE, ACCOUNT, OWN)
    assert not is_allowed(None, INVOKE, ACCOUNT, OTHER)
    assert not is_allowed(None, INVOKE, ACCOUNT, S3)


@pytest.mark.parametrize(
    ("principal", "caller", "expected"),
    [
        ("111122223333", OTHER, True),
        ("arn:aws:iam::111122223333:root", OTHER, True),
        ("arn:aws:iam::111122223333:user/u", OTHER, True),
        ("444455556666", OTHER, False),
        ("*", OTHER, True),
        ("*", S3, True),
        ("s3.amazonaws.com", S3, True),
        ("sns.amazonaws.com", S3, False),
        ("s3.amazonaws.com", OTHER, False),
        (ACCOUNT, S3, False),
    ],
)
def test_a_principal_is_an_account_a_service_or_everybody(principal: str, caller: Caller, expected: bool) -> None:
    assert allowed(caller, Principal=principal) is expected


@pytest.mark.parametrize(
    ("action", "expected"), [("lambda:*", True), ("lambda:InvokeFunctionUrl", False), ("lambda:GetFunction", False)]
)
def test_only_permission_to_invoke_counts(action: str, expected: bool) -> None:
    assert allowed(OTHER, Principal="111122223333", Action=action) is expected


@pytest.mark.parametrize(
    ("condition", "source", "expected"),
    [
        ({"SourceArn": "arn:aws:s3:::photos"}, BUCKET, True),
        ({"SourceArn": "arn:aws:s3:::ph*"}, BUCKET, True),
        ({"SourceArn": "arn:aws:s3:::photo?"}, BUCKET, True),
        ({"SourceArn": "arn:aws:s3:::photo"}, BUCKET, False),
        ({"SourceArn": "arn:aws:s3:::photos"}, Source(), False),
        ({"SourceArn": "arn:aws:s3:::photos", "SourceAccount": ACCOUNT}, BUCKET, True),
        ({"SourceArn": "arn:aws:s3:::photos", "SourceAccount": "111122223333"}, BUCKET, False),
        ({"SourceAccount": ACCOUNT}, Source(), False),
        ({"EventSourceToken": "token"}, BUCKET, False),
    ],
)
def test_every_condition_must_hold(condition: dict[str, str], source: Source, expected: bool) -> None:
    assert allowed(S3, source, Principal="s3.amazonaws.com", **condition) is expected


def test_a_star_stays_within_its_part_of_an_arn() -> None:
    source = Source("arn:aws:sns:us-east-1:111122223333:topic")
    for pattern, expected in (
        ("arn:aws:sns:us-east-1:111122223333:t*", True),
        ("arn:aws:sns:us-east-1::*", False),
        ("arn:aws:sns:us-east-2:111122223333:*", False),
    ):
        assert allowed(S3, source, Principal="s3.amazonaws.com", SourceArn=pattern) is expected


def test_a_condition_on_the_organization_is_never_met() -> None:
    assert not allowed(OTHER, Principal="*", PrincipalOrgID="o-1234567890")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}, True),
        ({"Action": "lambda:InvokeFunctionUrl"}, True),
        ({"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "AWS_IAM"}, False),
        ({"Action": "lambda:InvokeFunctionUrl", "Principal": "111122223333"}, False),
        ({"Action": "lambda:InvokeFunctionUrl", "SourceAccount": ACCOUNT}, False),
        ({"Action": "lambda:InvokeFunction"}, False),
    ],
)
def test_a_function_url_is_open_to_everybody_or_to_nobody(statement: dict[str, Any], expected: bool) -> None:
    account = Account()
    account.create("f")
    account.perform("AddPermission", **{"FunctionName": "f", "StatementId": "s", "Principal": "*", **statement})
    assert opens_url(account.functions["f"].policies[""]) is expected
    assert not opens_url(None)
