"""Callers are read from every form of a signature, and known again."""

from __future__ import annotations

import pytest

from runtime_api.service.owners import Owner
from runtime_api.web.callers import KNOWN, Callers

FORM = "AWS4-HMAC-SHA256 Credential={}, SignedHeaders=host;x-amz-date, Signature={}"


def credential(account: str, region: str = "us-east-1") -> str:
    return f"{account}/20260102/{region}/lambda/aws4_request"


def test_a_header_is_read_and_known_again_whatever_its_signature() -> None:
    callers = Callers()
    first = callers.by_header(FORM.format(credential("111122223333"), "a" * 64).encode())
    assert first is not None
    assert first.owner == Owner("111122223333", "us-east-1")
    again = callers.by_header(FORM.format(credential("111122223333"), "b" * 64).encode())
    assert again is first
    other = callers.by_header(FORM.format(credential("111122223333", "eu-west-1"), "a" * 64).encode())
    assert other is not None
    assert other.owner == Owner("111122223333", "eu-west-1")


def test_the_order_of_the_parts_does_not_matter() -> None:
    callers = Callers()
    for account in ("111122223333", "444455556666"):
        header = f"AWS4-HMAC-SHA256 SignedHeaders=host, Signature=00, Credential={credential(account)}"
        caller = callers.by_header(header.encode())
        assert caller is not None
        assert caller.owner.account == account


@pytest.mark.parametrize(
    "header", [b"", b"Bearer abc", b"Basic a,b", b"AWS4-HMAC-SHA256 Credential=, Signature=", b"\xff"]
)
def test_any_other_header_names_nobody(header: bytes) -> None:
    assert Callers().by_header(header) is None


def test_a_presigned_url_names_its_caller() -> None:
    caller = Callers().of({}, {"X-Amz-Credential": [credential("111122223333")]})
    assert caller is not None
    assert caller.owner.account == "111122223333"
    assert Callers().of({}, {}) is None


def test_a_flood_of_credentials_is_not_remembered() -> None:
    callers = Callers()
    for number in range(3 * KNOWN):
        callers.by_header(FORM.format(credential(f"{number:012}"), "00").encode())
    assert len(callers._known) <= KNOWN
