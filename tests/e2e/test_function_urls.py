"""Function URLs of `serve`: configured with boto3, and asked with curl, plain connections and as browsers do."""

from __future__ import annotations

import gzip
import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.e2e.clients import connected, invoke
from tests.e2e.packages import package
from tests.e2e.running import SECONDS, Serve
from tests.e2e.test_curl import curl
from tests.e2e.test_management import create
from tests.e2e.urls import UrlAnswer, ask, host_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

# Answers with the event, or with the result that the query asks for.
APP = """
import json

def handler(event, context):
    asked = event.get("queryStringParameters", {})
    if "fail" in asked:
        raise ValueError(asked["fail"])
    return json.loads(asked["result"]) if "result" in asked else {**event, "arn": context.invoked_function_arn}
"""
PAGE = "https://app.example"
CORS = {"AllowOrigins": [PAGE], "AllowMethods": ["GET"], "AllowCredentials": True}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    code = tmp_path_factory.mktemp("code")
    (code / "app.py").write_text(APP)
    with Serve("--function-url", "--region", "eu-west-1", "app.handler", cwd=code) as server:
        yield server


@pytest.fixture(scope="module")
def url(server: Serve) -> str:
    """The URL that the server has told."""
    return server.wait_for(r"bootjack: app answers HTTP at (\S+)")[1]


@pytest.fixture
def client(server: Serve) -> Iterator[Any]:
    with connected(server.url, region="eu-west-1") as client:
        yield client


@pytest.fixture
def made(client: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """Create a function for one test."""
    name = request.node.name.replace("[", "-").replace("]", "")[:60]
    create(client, name, package({"app.py": APP}))
    yield name
    client.delete_function(FunctionName=name)


def given(client: Any, name: str, **settings: Any) -> str:
    """Give a function a URL; return its host."""
    created = client.create_function_url_config(FunctionName=name, **{"AuthType": "NONE", **settings})
    return host_of(created["FunctionUrl"])


def test_curl_finds_the_function_by_its_host(server: Serve, url: str) -> None:
    assert re.fullmatch(rf"http://[a-z0-9]{{32}}\.lambda-url\.eu-west-1\.localhost:{server.port}/", url)
    reply = curl(f"{url}a%2Fb?x=1&x=%2F&y", "-H", "X-A: 1", "-H", "X-A: 2", "-b", "c=d; e=f", "-d", "q=%20")
    document = json.loads(reply.body)
    assert (document["rawPath"], document["rawQueryString"]) == ("/a%2Fb", "x=1&x=%2F&y")
    assert document["queryStringParameters"] == {"x": "1,/", "y": ""}
    assert document["headers"]["x-a"] == "1,2"
    assert document["cookies"] == ["c=d", "e=f"]
    assert (document["body"], document["isBase64Encoded"]) == ("cT0lMjA=", True)
    context = document["requestContext"]
    assert (context["http"]["method"], context["http"]["sourceIp"]) == ("POST", "127.0.0.1")
    assert context["domainName"] == document["headers"]["host"] == host_of(url)
    assert reply.headers["x-amzn-requestid"] == context["requestId"]
    server.wait_for(f"END RequestId: {context['requestId']}")


def test_a_path_names_the_function_too(server: Serve) -> None:
    for target, path in (
        ("/lambda-url/app/a/b?c=d", "/a/b"),
        ("/lambda-url/function", "/"),
        ("/lambda-url/app/", "/"),
    ):
        assert json.loads(curl(server.url + target).body)["rawPath"] == path


@pytest.mark.parametrize("path", ["/2015-03-31/functions/app/invocations", "/lambda-url/app/", "/_bootjack/health"])
def test_every_path_of_its_host_is_the_functions_own(server: Serve, url: str, path: str) -> None:
    for method in ("GET", "POST"):
        assert json.loads(ask(server, host_of(url).upper(), method, path).body)["rawPath"] == path


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_reaches_the_function(server: Serve, url: str, method: str) -> None:
    answer = ask(server, host_of(url), method, '/?result={"statusCode":201,"body":"abc"}')
    assert (answer.status, answer.values("content-length")) == (201, ["3"])
    assert answer.body == (b"" if method == "HEAD" else b"abc")
    if method != "HEAD":
        assert json.loads(ask(server, host_of(url), method).body)["requestContext"]["http"]["method"] == method


def test_a_compressed_body_stays_compressed(server: Serve, url: str) -> None:
    body = gzip.compress(b"{}")
    lines = [("Content-Encoding", "gzip"), ("Content-Type", "application/json")]
    document = json.loads(ask(server, host_of(url), "POST", lines=lines, body=body).body)
    assert document["isBase64Encoded"] is True
    assert document["headers"]["content-length"] == str(len(body))


def chunked(server: Serve, host: str, target: str, *chunks: bytes) -> tuple[int, bytes]:
    """Send a PUT with a chunked body; return the status and the body of the answer."""
    head = f"PUT {target} HTTP/1.1\r\nHost: {host}\r\nOrigin: {PAGE}\r\nContent-Type: text/plain\r\n"
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as peer:
        peer.sendall(f"{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + framed)
        answer = b"".join(iter(lambda: peer.recv(1 << 16), b""))
    start, _, body = answer.partition(b"\r\n\r\n")
    return int(start.split()[1]), body


def test_a_chunked_body_is_put_together(server: Serve, client: Any, made: str) -> None:
    host = given(client, made, Cors=CORS)
    status, body = chunked(server, host, "/", b"ab", b"c")
    document = json.loads(body)
    assert (status, document["body"], document["headers"]["content-length"]) == (200, "abc", "3")


def test_a_body_that_is_too_large_is_refused_as_such(server: Serve, client: Any, made: str) -> None:
    host = given(client, made, Cors=CORS)
    large = b"x" * 7_000_000
    lines = [("Origin", PAGE)]
    for target in ("/", "/2015-03-31/functions/app/invocations"):
        assert chunked(server, host, target, large)[0] == 413
        assert ask(server, host, "POST", target, lines, large).status == 413
    assert chunked(server, "localhost", f"/lambda-url/{made}/", large)[0] == 413


def test_a_body_may_have_6_mb_as_an_event(server: Serve, url: str) -> None:
    lines = [("Content-Type", "text/plain")]
    answer = ask(server, host_of(url), "POST", lines=lines, body=b"x" * 2_900_000)
    assert len(json.loads(answer.body)["body"]) == 2_900_000
    for body in (b"x" * 6_291_456, b"x" * 7_000_000):
        assert ask(server, host_of(url), "POST", lines=lines, body=body).status == 413


@pytest.mark.parametrize(
    "target", ["/?fail=x", '/?result={"statusCode":"no"}', '/?result={"statusCode":200,"headers":{"a":"b\\nc"}}']
)
def test_a_failure_is_a_502(server: Serve, url: str, target: str) -> None:
    answer = ask(server, host_of(url), target=target)
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert answer.values("x-amzn-requestid")


def test_a_url_that_is_not_there(server: Serve, url: str) -> None:
    for host in ("0123456789abcdef.lambda-url.eu-west-1.localhost", host_of(url).replace("eu-west-1", "us-east-1")):
        answer = ask(server, host)
        assert (answer.status, answer.body) == (403, b'{"Message":null}')
        assert answer.values("x-amzn-errortype") == ["AccessDeniedException"]
    assert b"Function not found" in ask(server, "localhost", target="/lambda-url/nothing/").body


def test_a_function_without_a_url_says_what_gives_it_one(server: Serve, made: str) -> None:
    answer = ask(server, "localhost", target=f"/lambda-url/{made}/")
    assert answer.status == 404
    assert b"CreateFunctionUrlConfig" in answer.body


def test_a_url_comes_and_goes(server: Serve, client: Any, made: str) -> None:
    host = given(client, made)
    assert json.loads(ask(server, host).body)["arn"].endswith(f":function:{made}")
    client.delete_function_url_config(FunctionName=made)
    assert ask(server, host).status == 403
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_url_config(FunctionName=made)


def test_the_url_of_an_alias_follows_it(server: Serve, client: Any, made: str) -> None:
    client.publish_version(FunctionName=made)
    client.create_alias(FunctionName=made, Name="live", FunctionVersion="1")
    host = given(client, made, Qualifier="live")
    for answer in (ask(server, host), ask(server, "localhost", target=f"/lambda-url/{made}:live/")):
        assert json.loads(answer.body)["arn"].endswith(f":function:{made}:live")
    client.delete_alias(FunctionName=made, Name="live")
    answer = ask(server, host)
    assert (answer.status, answer.values("x-amzn-errortype")) == (403, ["AccessDeniedException"])
    assert json.loads(answer.body)["Message"].startswith("Forbidden. For troubleshooting Function URL authorization")


def test_a_throttled_function_is_a_429(server: Serve, client: Any, made: str) -> None:
    host = given(client, made)
    client.put_function_concurrency(FunctionName=made, ReservedConcurrentExecutions=0)
    answer = ask(server, host)
    assert (answer.status, answer.values("x-amzn-errortype")) == (429, ["TooManyRequestsException"])


def test_with_aws_iam_a_request_is_signed(server: Serve, client: Any, made: str) -> None:
    host = given(client, made, AuthType="AWS_IAM")
    unsigned = ask(server, host)
    assert (unsigned.status, unsigned.body) == (403, b'{"Message":"Forbidden"}')
    request = AWSRequest("GET", f"http://{host}/")
    SigV4Auth(Credentials("AKIAEXAMPLE", "secret"), "lambda", "eu-west-1").add_auth(request)
    context = json.loads(ask(server, host, lines=list(request.headers.items())).body)["requestContext"]
    assert context["accountId"] == "123456789012"
    assert context["authorizer"]["iam"]["accessKey"] == "AKIAEXAMPLE"


def preflight(server: Serve, host: str, origin: str, target: str = "/") -> UrlAnswer:
    lines = [("Origin", origin), ("Access-Control-Request-Method", "GET")]
    return ask(server, host, "OPTIONS", target, lines)


def test_pages_may_use_a_url_as_its_cors_says(server: Serve, client: Any, made: str) -> None:
    host = given(client, made, Cors=CORS)
    invocations = server.log().count("START")
    allowed = preflight(server, host, PAGE)
    assert (allowed.status, allowed.body) == (200, b"")
    assert allowed.values("access-control-allow-origin") == [PAGE]
    assert server.log().count("START") == invocations  # the function was not asked
    own = '/?result={"statusCode":200,"headers":{"Access-Control-Allow-Origin":"*"}}'
    answer = ask(server, host, "GET", own, [("Origin", PAGE)])
    assert (answer.status, answer.values("access-control-allow-origin")) == (200, [PAGE])
    assert answer.values("access-control-allow-credentials") == ["true"]
    failed = ask(server, host, "GET", "/?fail=x", [("Origin", PAGE)])
    assert (failed.status, failed.values("access-control-allow-origin")) == (502, [PAGE])


def test_other_pages_are_refused(server: Serve, client: Any, made: str) -> None:
    host = given(client, made, Cors=CORS)
    invocations = server.log().count("START")
    for origin in ("https://other.example", "null"):
        for place, target in ((host, "/"), ("localhost", f"/lambda-url/{made}/")):
            assert preflight(server, place, origin, target).status == 403
            assert ask(server, place, "POST", target, [("Origin", origin)]).status == 403
    assert ask(server, host, lines=[("Sec-Fetch-Site", "cross-site")]).status == 403
    assert server.log().count("START") == invocations
    # A URL lets its pages in to itself, and to nothing else.
    assert ask(server, "localhost", "GET", "/2015-03-31/functions", [("Origin", PAGE)]).status == 403


def test_without_cors_the_general_rule_holds(server: Serve, url: str) -> None:
    assert ask(server, host_of(url), "POST", lines=[("Origin", PAGE)]).status == 403
    assert ask(server, host_of(url), "POST", lines=[("Origin", "http://localhost:3000")]).status == 200
    assert preflight(server, host_of(url), "http://localhost:3000").status == 200  # the function's own answer


def test_a_forged_host_is_refused_whatever_cors_says(server: Serve, client: Any, made: str) -> None:
    given(client, made, Cors={"AllowOrigins": ["*"]})
    answer = ask(server, "rebound.example", target=f"/lambda-url/{made}/", lines=[("Origin", PAGE)])
    assert answer.status == 403
    assert ask(server, "localhost", target=f"/lambda-url/{made}/", lines=[("Origin", PAGE)]).status == 200


def test_urls_are_there_after_a_restart(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with Serve("--data", kept) as server, connected(server.url) as client:
        create(client, "f", package({"app.py": APP}))
        label = given(client, "f", Cors=CORS).partition(":")[0]
        client.update_function_url_config(FunctionName="f", InvokeMode="RESPONSE_STREAM")
        shown = client.get_function_url_config(FunctionName="f")
    with Serve("--data", kept) as server, connected(server.url) as client:
        again = client.get_function_url_config(FunctionName="f")
        for each in (shown, again):
            each.pop("ResponseMetadata")
        assert again.pop("FunctionUrl") == f"http://{label}:{server.port}/"
        assert again == {name: value for name, value in shown.items() if name != "FunctionUrl"}
        assert json.loads(ask(server, label).body)["rawPath"] == "/"


def test_a_reload_keeps_the_url(tmp_path: Path) -> None:
    code = tmp_path / "app.py"
    code.write_text("def handler(event, context):\n    return 'one'\n")
    with Serve("--function-url", "--watch", "app.handler", cwd=tmp_path) as server:
        host = host_of(server.wait_for(r"bootjack: app answers HTTP at (\S+)")[1])
        assert ask(server, host).body == b"one"
        code.write_text("def handler(event, context):\n    return 'another'\n")
        server.wait_for("app has changed")
        assert ask(server, host).body == b"another"


def test_without_the_option_there_is_no_url(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with Serve("app.handler", cwd=tmp_path) as server, connected(server.url) as client:
        assert client.list_function_url_configs(FunctionName="app")["FunctionUrlConfigs"] == []
        assert ask(server, "localhost", target="/lambda-url/app/").status == 404
        assert invoke(client, {}, "app").status == 200
