"""One echo application behind the adapters that people use: what a client sends to its function URL comes back.

Paths are compared as they decode, because that is what most adapters hand over.
"""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import peers
from tests.commands.functions import write_bootstrap
from tests.e2e.running import Serve
from tests.e2e.urls import ask, host_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

APPS = Path(__file__).with_name("web_apps")
PYTHON = {name: f"with_{name}.handler" for name in ("mangum", "apig_wsgi", "powertools")}
NODE = ("serverless-http", "serverless-express")
ADAPTERS = (*PYTHON, *NODE)
BINARY = bytes(range(256))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    folder = tmp_path_factory.mktemp("node")
    for adapter in NODE:
        command = f"exec {shutil.which('node')} {APPS}/node_runtime.mjs {peers.http_adapters()} {adapter}"
        write_bootstrap(folder / adapter, f"#!/bin/sh\n{command}\n")
    targets = [f"{name}={target}" for name, target in PYTHON.items()] + [f"{name}={folder / name}" for name in NODE]
    # What is judged here is HTTP; a sandbox would have to be told of every folder of modules.
    options = ("--sandbox", "process", "--timeout", "20", "--memory", "256")
    with Serve("--function-url", *options, *targets, shown=False, cwd=APPS) as server:
        yield server


@pytest.fixture(params=ADAPTERS)
def host(server: Serve, request: pytest.FixtureRequest) -> str:
    """The host of an adapter's function URL."""
    return host_of(server.wait_for(rf"bootjack: {request.param} answers HTTP at (\S+)")[1])


def seen(server: Serve, host: str, *request: Any) -> Any:
    answer = ask(server, host, *request)
    assert answer.status == 201, server.log()
    assert answer.values("content-type")[0].startswith("application/json")
    assert [cookie.partition(";")[0] for cookie in answer.values("set-cookie")] == ["first=1", "second=a=b"]
    return json.loads(answer.body)


@pytest.mark.parametrize(
    "path", ["/", "/a%2Fb/c", "/caf%C3%A9/%E2%82%AC", "/a+b/c%2Bd", "/a%20b", "//double/", "/%25", "/a;b=1,2/:x@y!"]
)
def test_the_path(server: Serve, host: str, path: str) -> None:
    assert seen(server, host, "GET", path)["path"] == unquote(path)


@pytest.mark.parametrize(
    "query",
    ["", "a=1", "a=1&b=2&a=3", "empty=&flag", "plus=a+b&plus2=a%2Bb", "%C3%A9=%E2%82%AC&x=%26%3D", "a=1,2&c=%2C"],
)
def test_the_query(server: Serve, host: str, query: str) -> None:
    found = seen(server, host, "GET", f"/?{query}")["query"]
    assert parse_qsl(found, keep_blank_values=True) == parse_qsl(query, keep_blank_values=True)


def test_headers_and_cookies(server: Serve, host: str) -> None:
    lines = [("X-One", "1"), ("X-Two", "a"), ("x-two", "b"), ("X-Empty", ""), ("Cookie", "c=1; d=x=y; e=")]
    headers = seen(server, host, "GET", "/", lines)["headers"]
    assert (headers["x-one"], headers["x-two"], headers["x-empty"]) == ("1", "a,b", "")
    assert headers["cookie"].replace("; ", ";").split(";") == ["c=1", "d=x=y", "e="]
    assert headers["host"] == host


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
@pytest.mark.parametrize("body", ["", '{"a": "é"}', "a=1&b=%20+"])
def test_a_body_of_text(server: Serve, host: str, kind: str, body: str) -> None:
    lines = [("Content-Type", kind)] if kind else []
    assert base64.b64decode(seen(server, host, "POST", "/", lines, body.encode())["body"]) == body.encode()


@pytest.mark.parametrize("kind", ["application/octet-stream", "image/png", "text/plain", "application/json"])
def test_a_binary_body_there_and_back(server: Serve, host: str, kind: str) -> None:
    answer = ask(server, host, "PUT", "/bytes", [("Content-Type", kind)], BINARY)
    assert (answer.status, answer.body) == (201, BINARY)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_method(server: Serve, host: str, method: str) -> None:
    answer = ask(server, host, method, "/a")
    assert answer.status == 201
    assert answer.values("set-cookie")
    if method == "HEAD":
        assert answer.body == b""
    else:
        assert json.loads(answer.body)["method"] == method


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
VALUES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=20).map(str.strip)


NAMES = st.sampled_from(["a", "b"]) | TEXT  # so that some come more than once
COOKIES = st.from_regex(r"[a-z]{1,5}=[!#-+\-./0-9:<-\[\]-~]{0,12}", fullmatch=True)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    path=st.lists(TEXT, max_size=4),
    pairs=st.lists(st.tuples(NAMES, TEXT), max_size=5),
    cookies=st.lists(COOKIES, max_size=3),
    values=st.lists(VALUES, max_size=3),
    kind=st.sampled_from(["text/plain", "application/json", "application/octet-stream"]),
    body=st.binary(max_size=200),
)
def test_whatever_a_client_sends(
    server: Serve,
    host: str,
    method: str,
    path: list[str],
    pairs: list[tuple[str, str]],
    cookies: list[str],
    values: list[str],
    kind: str,
    body: bytes,
) -> None:
    target = "/x" + "".join("/" + quote(each, "") for each in path)
    lines = [("X-Value", value) for value in values] + [("Content-Type", kind)]
    if cookies:
        lines.append(("Cookie", "; ".join(cookies)))
    found = seen(server, host, method, f"{target}?{urlencode(pairs)}", lines, body)
    assert (found["method"], found["path"]) == (method, unquote(target))
    assert [each for each in found["headers"].get("cookie", "").replace("; ", ";").split(";") if each] == cookies
    assert parse_qsl(found["query"], keep_blank_values=True) == pairs
    assert found["headers"].get("x-value", "") == ",".join(values)
    assert base64.b64decode(found["body"]) == body
