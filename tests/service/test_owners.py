"""Whom a credential of a signature names."""

from __future__ import annotations

import pytest

from runtime_api.service.owners import Caller, Owner, caller_of

HOME = Owner("123456789012", "eu-west-1")


@pytest.mark.parametrize(
    ("key", "caller"),
    [
        ("test", Caller(Owner("123456789012", "us-west-2"))),
        ("AKIAIOSFODNN7EXAMPLE", Caller(Owner("123456789012", "us-west-2"))),
        ("111122223333", Caller(Owner("111122223333", "us-west-2"))),
        ("1111222233334", Caller(Owner("123456789012", "us-west-2"))),
        ("s3.amazonaws.com", Caller(Owner("123456789012", "us-west-2"), "s3.amazonaws.com")),
    ],
)
def test_a_key_names_an_account_a_service_or_nothing(key: str, caller: Caller) -> None:
    assert caller_of(f"{key}/20260102/us-west-2/lambda/aws4_request", HOME) == caller


@pytest.mark.parametrize(
    "credential", ["", "key", "key/20260102/us-west-2/lambda", "k/d/no region/lambda/aws4_request"]
)
def test_a_malformed_credential_names_nobody(credential: str) -> None:
    assert caller_of(credential, HOME) is None
