"""Who has signed a request to a function URL."""

from __future__ import annotations

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from runtime_api.service.proxies.iam import signer
from runtime_api.service.proxies.messages import HttpRequest

ACCOUNT = "123456789012"
URL = "http://abc.lambda-url.us-east-1.localhost/"


def request(query: str = "", **fields: str) -> HttpRequest:
    return HttpRequest("GET", "/", query, tuple((name.lower(), value) for name, value in fields.items()), b"", "::1")


def signed(auth: type[SigV4Auth], key: str) -> HttpRequest:
    made = AWSRequest("GET", URL)
    auth(Credentials(key, "secret"), "lambda", "us-east-1").add_auth(made)
    prepared = made.prepare()
    return request(prepared.url.partition("?")[2], **dict(prepared.headers.items()))


@pytest.mark.parametrize("auth", [SigV4Auth, SigV4QueryAuth])
@pytest.mark.parametrize(("key", "account"), [("AKIAEXAMPLE", ACCOUNT), ("210987654321", "210987654321")])
def test_a_signature_tells_its_signer(auth: type[SigV4Auth], key: str, account: str) -> None:
    found = signer(signed(auth, key), ACCOUNT)
    assert found is not None
    assert (found["accessKey"], found["accountId"]) == (key, account)
    assert found["userArn"] == f"arn:aws:iam::{account}:root"


@pytest.mark.parametrize(
    "unsigned",
    [
        request(),
        request(authorization="Bearer AWS4"),
        request(authorization="AWS4-HMAC-SHA256 Credential=AKIA/2026"),
        request("X-Amz-Credential=AKIA%2F2026"),
        request("X-Amz-Signature=abc"),
    ],
)
def test_nobody_has_signed(unsigned: HttpRequest) -> None:
    assert signer(unsigned, ACCOUNT) is None
