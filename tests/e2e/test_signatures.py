"""`serve --verify-signatures`: only requests with a good signature are answered, presigned ones too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.commands.functions import write_bootstrap
from tests.e2e.clients import connected, invoke
from tests.e2e.running import Serve, bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

pytestmark = pytest.mark.slow

KEYS = """
[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = one/secret
[other]
aws_access_key_id = 111122223333
aws_secret_access_key = another%secret
region = eu-west-3
"""
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "OFTHEENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "third"}
GOOD = [("AKIDEXAMPLE", "one/secret"), ("111122223333", "another%secret"), ("OFTHEENVIRONMENT", "third")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    folder = tmp_path_factory.mktemp("keys")
    (folder / "keys").write_text(KEYS)
    code = write_bootstrap(folder / "code")
    with Serve("--verify-signatures", "--keys", folder / "keys", f"local={code}", env=ENVIRONMENT) as server:
        yield server


def caller(server: Serve, key: str, secret: str) -> AbstractContextManager[Any]:
    return connected(server.url, key, secret, "eu-west-3")


@pytest.mark.parametrize(("key", "secret"), GOOD)
def test_known_keys_are_answered(server: Serve, key: str, secret: str) -> None:
    with caller(server, key, secret) as client:
        name = "arn:aws:lambda:us-east-1:123456789012:function:local"  # its colons are encoded in the path
        for _ in range(2):
            assert invoke(client, {"a": "ä"}, name, Qualifier="$LATEST").document == {"a": "ä"}
            assert client.list_functions(MaxItems=10)["Functions"][0]["FunctionName"] == "local"


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [
        ("AKIDEXAMPLE", "wrong", "InvalidSignatureException"),
        ("UNKNOWN", "one/secret", "UnrecognizedClientException"),
    ],
)
def test_other_keys_and_secrets_are_refused(server: Serve, key: str, secret: str, code: str) -> None:
    with caller(server, key, secret) as client:
        for ask in (lambda: invoke(client, {}, "local"), client.list_functions, lambda: invoke(client, {}, "local")):
            with pytest.raises(ClientError) as refusal:
                ask()
            assert refusal.value.response["Error"]["Code"] == code
            assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_request_without_a_signature_is_refused_and_health_is_not(server: Serve) -> None:
    with server.connection() as connection:
        for method, path in (("POST", server.path("local")), ("GET", "/2015-03-31/functions")):
            connection.request(method, path, b"{}" if method == "POST" else None)
            answer = connection.getresponse()
            assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "MissingAuthenticationTokenException")
            assert json.loads(answer.read()) == {"message": "Missing Authentication Token"}
        connection.request("GET", "/_bootjack/health")
        assert connection.getresponse().status == 200


def test_a_presigned_url_is_answered_once_it_is_whole(server: Serve) -> None:
    with caller(server, *GOOD[0]) as client, server.connection() as connection:
        url = client.generate_presigned_url("get_function", Params={"FunctionName": "local"})
        path = url.removeprefix(server.url)
        for asked, status in ((path, 200), (path[:-1] + ("0" if path[-1] != "0" else "1"), 403)):
            connection.request("GET", asked)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status


@pytest.mark.parametrize(
    ("options", "text", "message"),
    [
        (["--verify-signatures"], None, "--verify-signatures needs a key to know"),
        (["--verify-signatures", "--keys", "FILE"], None, "no such file or directory"),
        (["--verify-signatures", "--keys", "FILE"], "top-secret", "is not in the form of ~/.aws/credentials"),
        (
            ["--verify-signatures", "--keys", "FILE"],
            "[p]\naws_access_key_id = k\n",
            "[p] needs aws_access_key_id and",
        ),
        (["--keys", "FILE"], KEYS, "--keys does nothing without --verify-signatures"),
    ],
)
def test_keys_that_cannot_be_used_are_explained(
    options: list[str], text: str | None, message: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "keys").write_text(text)
    ended = bootjack("serve", *(str(tmp_path / "keys") if option == "FILE" else option for option in options))
    assert ended.code == 2
    assert message in ended.message.replace("\n", " ")
    assert "secret" not in ended.err.replace("aws_secret_access_key", "").replace("AWS_SECRET_ACCESS_KEY", "")


def test_a_function_url_with_aws_iam_wants_a_good_signature_and_lets_preflights_pass(server: Serve) -> None:
    with caller(server, *GOOD[0]) as client, server.connection() as connection:
        name = "arn:aws:lambda:us-east-1:123456789012:function:local"
        cors = {"AllowOrigins": ["https://page.example"]}
        with connected(server.url, *GOOD[0]) as owner:
            owner.create_function_url_config(FunctionName=name, AuthType="AWS_IAM", Cors=cors)
        url = f"{server.url}/lambda-url/local/"
        statuses = []
        for secret in ("one/secret", "wrong"):
            request = AWSRequest("POST", url, data=b"{}")
            SigV4Auth(Credentials("AKIDEXAMPLE", secret), "lambda", "us-east-1").add_auth(request)
            connection.request("POST", "/lambda-url/local/", b"{}", dict(request.headers.items()))
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        preflight = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
        connection.request("OPTIONS", "/lambda-url/local/", None, preflight)
        answer = connection.getresponse()
        assert [*statuses, answer.status] == [200, 403, 200]
        assert answer.headers["Access-Control-Allow-Origin"] == "https://page.example"
        assert client.list_functions()["Functions"]
