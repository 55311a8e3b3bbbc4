"""Many functions and large ones: hundreds come, are listed in pages and go; what is too large is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.clients import connected
from tests.e2e.packages import package
from tests.e2e.running import Serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/r"
SETTINGS = {"Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE}
CODE = package({"app.py": "def handler(event, context): return context.function_name"})
COUNT = 300
CALLERS = 4


def by_callers(server: Serve, names: Iterable[str], call: Callable[[Any, str], object]) -> None:
    """Call once for each name, by several callers at the same time."""
    waiting = list(names)

    def work(number: int) -> None:
        with connected(server.url) as client:
            for name in waiting[number::CALLERS]:
                call(client, name)

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(work, range(CALLERS)))


def listed(client: Any, size: int) -> list[list[str]]:
    """The names of all functions, page by page."""
    pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": size})
    return [[each["FunctionName"] for each in page["Functions"]] for page in pages]


def refusal(call: Callable[..., object], parameters: dict[str, Any]) -> dict[str, Any]:
    """What a call is refused with."""
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return dict(refused.value.response)


def test_hundreds_of_functions_come_and_go(tmp_path: Path) -> None:
    names = [f"function-{number:04}" for number in range(COUNT)]
    kept = tmp_path / "data"
    with Serve("--data", kept) as server, connected(server.url) as client:
        by_callers(
            server, names, lambda c, name: c.create_function(FunctionName=name, Code={"ZipFile": CODE}, **SETTINGS)
        )
        assert client.get_account_settings()["AccountUsage"] == {
            "FunctionCount": COUNT,
            "TotalCodeSize": COUNT * len(CODE),
        }
        server.stop()
    assert len(list((kept / "packages").iterdir())) == 1  # all have the same code
    with Serve("--data", kept) as server, connected(server.url) as client:
        for size, most in ((50, 50), (7, 7), (1000, 50)):  # Lambda has 50 on a page at most
            pages = listed(client, size)
            assert [name for page in pages for name in page] == names
            assert {len(page) for page in pages[:-1]} == {most}
        answer = client.invoke(FunctionName=names[-1], Payload=b"{}")
        assert answer["Payload"].read() == f'"{names[-1]}"'.encode()
        by_callers(server, names, lambda c, name: c.delete_function(FunctionName=name))
        assert listed(client, 50) == [[]]
        assert list((kept / "packages").iterdir()) == []


def test_a_request_that_is_too_large_is_told_so(tmp_path: Path) -> None:
    too_large = bytes(53_000_000)  # 70,666,668 bytes in base64
    with Serve("--data", tmp_path / "data") as server, connected(server.url) as client:
        for operation, parameters in (
            ("CreateFunction", {"FunctionName": "f", "Code": {"ZipFile": too_large}, **SETTINGS}),
            ("UpdateFunctionCode", {"FunctionName": "f", "ZipFile": too_large}),
        ):
            method = "create_function" if operation == "CreateFunction" else "update_function_code"
            answer = refusal(getattr(client, method), parameters)
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 413
            assert answer["Error"] == {
                "Code": "RequestEntityTooLargeException",
                "Message": f"Request must be smaller than 70167211 bytes for the {operation} operation",
            }
        assert listed(client, 50) == [[]]
