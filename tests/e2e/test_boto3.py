"""boto3's `lambda.invoke` on one connection: every parameter, every error that boto3 models, the largest bodies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.clients import client_context, connected, invoke
from tests.e2e.running import RAW, Rie

if TYPE_CHECKING:
    from collections.abc import Iterator

ARN = "arn:aws:lambda:us-east-1:012345678912:function:test_function"
LIMIT = 6_291_556
ASYNC_LIMIT = 1_048_576

pytestmark = pytest.mark.slow  # importing boto3 alone takes most of a second


@pytest.fixture(scope="module")
def rie() -> Iterator[Rie]:
    with Rie(*RAW) as server:
        yield server


@pytest.fixture(scope="module")
def client(rie: Rie) -> Iterator[Any]:
    with connected(rie.url) as client:
        yield client


@pytest.mark.both_sandboxes
def test_request_response(client: Any) -> None:
    answer = invoke(client, {"a": 1}, InvocationType="RequestResponse")
    assert answer == (200, b'{"a": 1}', None, "$LATEST", "")


def test_event(client: Any, rie: Rie) -> None:
    answer = invoke(client, {"do": "write", "text": "later\n"}, InvocationType="Event")
    assert (answer.status, answer.payload) == (202, b"")
    rie.wait_for("later\n")


def test_dry_run(client: Any) -> None:
    pid = invoke(client, {"do": "place"}).document["pid"]
    assert invoke(client, {"do": "exit", "code": 1}, InvocationType="DryRun")[:2] == (204, b"")
    assert invoke(client, {"do": "place"}).document["pid"] == pid


def test_the_log_tail(client: Any) -> None:
    answer = invoke(client, {"do": "write", "text": "logged ü\n"}, LogType="Tail")
    assert answer.payload == b"written"
    assert "\nlogged ü\nEND RequestId: " in answer.log
    assert "\nREPORT RequestId: " in answer.log


def test_the_client_context(client: Any) -> None:
    context = {"custom": {"key": "wert"}, "client": {"app_title": "t"}}
    headers = invoke(client, {"do": "headers"}, ClientContext=client_context(context)).document
    assert json.loads(headers["lambda-runtime-client-context"]) == context


def test_the_largest_client_context(client: Any) -> None:
    fits = client_context({"k": "x" * 2670})
    assert len(fits) <= 3583
    assert invoke(client, ClientContext=fits).status == 200
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        invoke(client, ClientContext=client_context({"k": "x" * 2690}))


@pytest.mark.parametrize("context", ["%%%", "bm90IGpzb24=", "/w==", "WzFd"])
def test_an_invalid_client_context(client: Any, context: str) -> None:
    with pytest.raises(client.exceptions.InvalidRequestContentException, match="lient context"):
        invoke(client, ClientContext=context)


@pytest.mark.parametrize(
    "name",
    [
        "function",
        "test_function",
        "function:test_function",
        "012345678912:function:test_function",
        ARN,
        f"{ARN}:$LATEST",
    ],
)
def test_every_way_to_name_the_function(client: Any, name: str) -> None:
    assert invoke(client, [1], name).payload == b"[1]"


def test_the_qualifier(client: Any) -> None:
    answer = invoke(client, {"do": "headers"}, Qualifier="$LATEST")
    assert answer.document["lambda-runtime-invoked-function-arn"] == f"{ARN}:$LATEST"
    assert invoke(client, {"do": "headers"}).document["lambda-runtime-invoked-function-arn"] == ARN


@pytest.mark.parametrize(
    ("name", "options"),
    [("missing", {}), ("function", {"Qualifier": "5"}), ("function:prod", {}), (ARN.replace("test_", "no_"), {})],
)
def test_a_missing_function_or_version(client: Any, name: str, options: dict[str, str]) -> None:
    with pytest.raises(
        client.exceptions.ResourceNotFoundException, match="Function not found: arn:aws:lambda:"
    ) as caught:
        invoke(client, {}, name, **options)
    assert caught.value.response["Type"] == "User"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_qualifier_that_contradicts_the_name(client: Any) -> None:
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        invoke(client, {}, f"{ARN}:1", Qualifier="2")


@pytest.mark.parametrize("payload", [b"{", b"NaN", b"\xff", b"\xef\xbb\xbf{}", b"[" * 200_000])
def test_a_payload_that_is_not_json(client: Any, payload: bytes) -> None:
    with pytest.raises(
        client.exceptions.InvalidRequestContentException, match="Could not parse request body into json"
    ):
        invoke(client, payload)


@pytest.mark.parametrize(("kind", "limit"), [("RequestResponse", LIMIT), ("Event", ASYNC_LIMIT), ("DryRun", LIMIT)])
def test_a_payload_over_the_limit(client: Any, kind: str, limit: int) -> None:
    too_much = b'"' + b"x" * (limit - 1) + b'"'
    with pytest.raises(client.exceptions.RequestTooLargeException, match=str(limit)):
        invoke(client, too_much, InvocationType=kind)
    assert invoke(client, [1]).payload == b"[1]"


@pytest.mark.parametrize("options", [{"InvocationType": "Sometimes"}, {"LogType": "Head"}])
def test_an_unknown_parameter_value(client: Any, options: dict[str, str]) -> None:
    with pytest.raises(ClientError) as caught:
        invoke(client, {}, **options)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.both_sandboxes
def test_the_largest_bodies_both_ways_between_small_ones(client: Any) -> None:
    large = b'"' + b"x" * (LIMIT - 2) + b'"'
    for payload in (b"[1]", large, b"[2]", large, b"[3]"):
        assert invoke(client, payload).payload == payload


@pytest.mark.both_sandboxes
def test_a_function_error(client: Any) -> None:
    answer = invoke(client, {"do": "fail", "message": "because"}, LogType="Tail")
    assert (answer.status, answer.error) == (200, "Unhandled")
    assert answer.document == {"errorMessage": "because", "errorType": "Function.Asked"}
    assert "Status: error\tError Type: Function.Asked" in answer.log


def test_the_request_id_is_the_one_that_the_function_sees(client: Any) -> None:
    response = client.invoke(FunctionName="function", Payload=b'{"do": "headers"}')
    headers = json.loads(response["Payload"].read())
    assert response["ResponseMetadata"]["RequestId"] == headers["lambda-runtime-aws-request-id"]


def test_other_operations_are_refused_by_name(client: Any) -> None:
    with pytest.raises(ClientError, match="ListCapacityProviders is not supported by bootjack"):
        client.list_capacity_providers()
