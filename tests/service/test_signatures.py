"""Signatures are those of botocore's signer, whatever is signed; any other request is refused with AWS's reason."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as some

from runtime_api.service.authentication import check_signature
from runtime_api.service.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    ServiceError,
    UnrecognizedClientException,
)
from runtime_api.service.signatures import Scope, SignedRequest, sign

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = {KEY: SECRET}
HOST = "127.0.0.1:9000"
SEGMENTS = some.text(some.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8)
VALUES = some.text(some.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
QUERY = some.lists(some.tuples(some.text(min_size=1, max_size=6), some.text(max_size=8)), max_size=4)


def signed_by_botocore(signer: Any, request: AWSRequest) -> SignedRequest:
    signer(Credentials(KEY, SECRET), "lambda", "eu-west-3").add_auth(request)
    parts = urlsplit(request.url)
    headers = {name.lower().encode(): str(value).encode() for name, value in request.headers.items()}
    headers.setdefault(b"host", HOST.encode())
    return SignedRequest(
        request.method.encode(), parts.path.encode(), parts.query.encode(), headers, request.data or b""
    )


def check(request: SignedRequest, later_s: float = 0) -> None:
    query = parse_qs(request.query.decode(), keep_blank_values=True)
    check_signature(request, query, KEYS, datetime.now(UTC) + timedelta(seconds=later_s))


def a_request(**fields: Any) -> AWSRequest:
    named = {"method": "POST", "url": f"http://{HOST}/2015-03-31/functions/f/invocations", "data": b"{}"}
    return AWSRequest(**(named | fields))


@given(
    some.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    some.lists(SEGMENTS, max_size=4),
    QUERY,
    some.dictionaries(some.sampled_from(["X-Amz-Log-Type", "X-Custom", "Content-Type"]), VALUES),
    some.binary(max_size=64),
    some.sampled_from([SigV4Auth, SigV4QueryAuth]),
)
def test_what_botocore_signs_is_accepted(
    method: str,
    segments: list[str],
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
    signer: Any,
) -> None:
    path = "/".join(quote(segment, safe="~") for segment in segments)
    text = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query)
    url = f"http://{HOST}/{path}?{text}" if text else f"http://{HOST}/{path}"
    data = body if signer is SigV4Auth else b""  # the other one makes a body part of the URL
    check(signed_by_botocore(signer, AWSRequest(method=method, url=url, headers=headers, data=data)))


@pytest.mark.parametrize("signer", [SigV4Auth, SigV4QueryAuth])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method", b"PUT"),
        ("path", b"/2015-03-31/functions/g/invocations"),
        ("body", b'{"a":1}'),
    ],
)
def test_a_request_that_was_changed_is_refused(signer: Any, field: str, value: bytes) -> None:
    request = signed_by_botocore(signer, a_request(data=b""))
    check(request)
    changes: dict[str, Any] = {field: value}
    with pytest.raises(InvalidSignatureException, match="does not match the signature you provided"):
        check(request._replace(**changes))


@pytest.mark.parametrize("change", [b"&Qualifier=2", b"&X-Amz-Expires=100"])
def test_a_presigned_url_cannot_be_extended(change: bytes) -> None:
    request = signed_by_botocore(SigV4QueryAuth, a_request())
    with pytest.raises(InvalidSignatureException):
        check(request._replace(query=request.query + change))


def test_a_signed_header_cannot_be_changed_or_dropped() -> None:
    request = signed_by_botocore(SigV4Auth, a_request(headers={"X-Amz-Log-Type": "None"}))
    check(request)
    for headers in (
        {**request.headers, b"x-amz-log-type": b"Tail"},
        {name: value for name, value in request.headers.items() if name != b"x-amz-log-type"},
        {**request.headers, b"host": b"other:9000"},
    ):
        with pytest.raises(InvalidSignatureException):
            check(request._replace(headers=headers))


def test_a_signature_is_good_for_five_minutes() -> None:
    request = signed_by_botocore(SigV4Auth, a_request())
    check(request, 290)
    check(request, -290)
    with pytest.raises(
        InvalidSignatureException, match=r"^Signature expired: \w+ is now earlier than .* - 5 min\.\)"
    ):
        check(request, 310)
    with pytest.raises(InvalidSignatureException, match=r"^Signature not yet current: "):
        check(request, -310)


def test_a_presigned_url_is_good_as_long_as_it_says() -> None:
    def presigner(*arguments: Any) -> Any:
        return SigV4QueryAuth(*arguments, expires=60)

    request = signed_by_botocore(presigner, a_request())
    check(request, 50)
    with pytest.raises(InvalidSignatureException, match=r"^Signature expired: "):
        check(request, 70)


def test_a_key_that_is_not_known_is_refused() -> None:
    request = signed_by_botocore(SigV4Auth, a_request())
    with pytest.raises(UnrecognizedClientException, match="The security token included in the request is invalid"):
        check_signature(request, {}, {"OTHER": SECRET}, datetime.now(UTC))


AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={KEY}/20260102/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=00"
)


@pytest.mark.parametrize(
    ("authorization", "date", "error", "text"),
    [
        (None, "", MissingAuthenticationTokenException, "^Missing Authentication Token$"),
        ("", "", IncompleteSignatureException, "Unsupported AWS 'algorithm': ''"),
        ("Bearer a", "", IncompleteSignatureException, "Unsupported AWS 'algorithm': 'Bearer'"),
        ("AWS4-HMAC-SHA256 x", "now", IncompleteSignatureException, "requires 'Credential' parameter"),
        (AUTHORIZATION, "", IncompleteSignatureException, "existence of either a 'X-Amz-Date'"),
        (AUTHORIZATION, "yesterday", IncompleteSignatureException, "Date must be in ISO-8601"),
        (AUTHORIZATION, "20260103T000000Z", InvalidSignatureException, "Date in Credential scope does not match"),
        (AUTHORIZATION.replace("lambda", "s3"), "now", InvalidSignatureException, "correct service: 'lambda'"),
        (AUTHORIZATION.replace("=host", "=x-a"), "now", InvalidSignatureException, "'Host' or ':authority' must be"),
        (AUTHORIZATION.replace("/lambda", ""), "now", IncompleteSignatureException, "exactly 5 slash-delimited"),
    ],
)
def test_what_is_no_signature_is_refused_with_its_reason(
    authorization: str | None, date: str, error: type[ServiceError], text: str
) -> None:
    headers = {b"host": HOST.encode()}
    headers |= {b"x-amz-date": date.encode()} if date else {}
    headers |= {b"authorization": authorization.encode()} if authorization is not None else {}
    with pytest.raises(error, match=text):
        check(SignedRequest(b"POST", b"/", b"", headers, b""))


@pytest.mark.parametrize("missing", ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"])
def test_a_presigned_url_needs_every_part(missing: str) -> None:
    request = signed_by_botocore(SigV4QueryAuth, a_request())
    query = re.sub(rf"X-Amz-{missing}=[^&]*&?".encode(), b"", request.query)
    with pytest.raises(IncompleteSignatureException, match=f"must include 'X-Amz-{missing}'"):
        check(request._replace(query=query))


def test_a_request_of_our_own_is_accepted() -> None:
    time = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    headers = {b"host": HOST.encode(), b"x-amz-date": time.encode()}
    request = SignedRequest(b"GET", b"/2015-03-31/functions", b"Marker=a%2Fb&MaxItems=1", headers, b"")
    authorization = sign(request, KEY, SECRET, Scope(time[:8], "us-east-1", "lambda"), time)
    check(request._replace(headers={**headers, b"authorization": authorization.encode()}))
