"""Function URLs as addresses, and the index that finds whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from runtime_api.service.function_url_record import FunctionUrl, UrlHost, function_url, read_url_host
from runtime_api.service.url_index import UrlIndex
from tests.service.account import ARN, Account

if TYPE_CHECKING:
    from runtime_api.service.function_record import Function


@pytest.mark.parametrize(
    ("server", "authority"),
    [
        ("http://127.0.0.1:9000", "localhost:9000"),
        ("http://[::1]:9000", "localhost:9000"),
        ("http://[::1]", "localhost"),
        ("http://lambda.internal", "localhost"),
        ("http://localhost:80", "localhost:80"),
    ],
)
def test_an_address_has_the_port_of_its_server(server: str, authority: str) -> None:
    url = function_url(server, "us-east-1", "abc")
    assert url == f"http://abc.lambda-url.us-east-1.{authority}/"
    assert read_url_host(url.split("/")[2]) == UrlHost("abc", "us-east-1")


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost:9000",
        "lambda-url.us-east-1.localhost",
        "abc.lambda-url.us-east-1.localhost.example",
        "abc.lambda-url.us-east-1.on.aws",
        "a.b.lambda-url.us-east-1.localhost",
        "abc.lambda-url.us-east-1.localhost:x",
    ],
)
def test_other_hosts_name_no_url(host: str) -> None:
    assert read_url_host(host) is None


@pytest.fixture
def function() -> Function:
    account = Account()
    account.create()
    account.perform("PublishVersion", FunctionName="f")
    account.perform("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    account.perform("CreateFunctionUrlConfig", FunctionName="f", AuthType="NONE")
    account.perform("CreateFunctionUrlConfig", FunctionName="f", AuthType="NONE", Qualifier="live")
    return account.functions["f"]


def test_a_url_is_found_by_its_id_and_by_what_it_invokes(function: Function) -> None:
    index = UrlIndex()
    index.put(function)
    for qualifier, arn in (("$LATEST", f"{ARN}f"), ("live", f"{ARN}f:live")):
        served = index.by_id(function.urls[qualifier].id)
        assert served is not None
        assert served == index.by_arn(arn)
        assert (served.arn, served.qualifier, served.is_orphan) == (arn, qualifier, False)
    index.drop(function)
    assert index.by_id(function.urls["live"].id) is index.by_arn(f"{ARN}f") is None


def test_a_url_without_its_alias_is_an_orphan(function: Function) -> None:
    index = UrlIndex()
    index.put(structs.replace(function, aliases={}))
    served = index.by_arn(f"{ARN}f:live")
    assert served is not None
    assert served.is_orphan
    assert isinstance(served.url, FunctionUrl)
