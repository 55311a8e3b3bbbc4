"""Generators stream: each item leaves at once, and a later error follows in the trailers."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.bootstrap.scripted import CLOSE, Scripted, answer, event
from tests.bootstrap.starting import finish, run, start, write

if TYPE_CHECKING:
    from pathlib import Path

WAYS = pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("def", {}),
        ("async def", {}),
        ("def", {"AWS_LAMBDA_MAX_CONCURRENCY": "1"}),
        ("def", {"AWS_LAMBDA_MAX_CONCURRENCY": "2"}),
        ("async def", {"AWS_LAMBDA_MAX_CONCURRENCY": "2"}),
    ],
    ids=["generator", "async", "one", "threads", "tasks"],
)


def streamed(tmp_path: Path, kind: str, body: str, more: dict[str, str], **options: Any) -> Any:
    source = f"from bootjack_bootstrap import HttpResponse\n{kind} handler(event, context):\n    " + body.replace(
        "\n", "\n    "
    )
    options.setdefault("nexts", [event()])
    return run(tmp_path, source, more=more, **options)


@WAYS
def test_a_stream(tmp_path: Path, kind: str, more: dict[str, str]) -> None:
    ran = streamed(
        tmp_path, kind, "yield 'ä'\nyield b'\\0'\nyield ''\nyield bytearray(b'b')\nyield memoryview(b'm')", more
    )
    [post] = ran.posts
    assert post.body == "ä\0bm".encode()
    assert post.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert post.headers["transfer-encoding"] == "chunked"
    assert post.headers["content-type"] == "application/octet-stream"
    assert post.headers["trailer"] == "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
    assert post.trailers == {}
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@WAYS
def test_an_empty_stream(tmp_path: Path, kind: str, more: dict[str, str]) -> None:
    ran = streamed(tmp_path, kind, "return\nyield", more)
    assert (ran.posts[0].body, ran.posts[0].trailers) == (b"", {})


@WAYS
def test_an_http_response(tmp_path: Path, kind: str, more: dict[str, str]) -> None:
    body = "yield HttpResponse(201, {'X-A': 'ö'}, ['a=b'])\nyield 'body'"
    [post] = streamed(tmp_path, kind, body, more).posts
    assert post.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    prelude, _, rest = post.body.partition(b"\0" * 8)
    assert json.loads(prelude) == {"statusCode": 201, "headers": {"X-A": "ö"}, "cookies": ["a=b"]}
    assert rest == b"body"


@WAYS
@pytest.mark.parametrize("first", ["1 // 0", "yield 3", "yield HttpResponse(headers={'a': {1}})"])
def test_an_error_before_the_first_item_is_an_ordinary_one(
    tmp_path: Path, kind: str, more: dict[str, str], first: str
) -> None:
    ran = streamed(tmp_path, kind, f"{first}\nyield 'b'", more)
    assert [one.call.rpartition("/")[2] for one in ran.posts] == ["error"]
    assert ran.documents[0]["errorType"] in ("ZeroDivisionError", "Runtime.MarshalError", "TypeError")
    assert "content-length" in ran.posts[0].headers


@WAYS
@pytest.mark.parametrize("then", ["raise ValueError('late')", "yield {1}", "yield HttpResponse()"])
def test_an_error_after_the_first_item_is_in_the_trailers(
    tmp_path: Path, kind: str, more: dict[str, str], then: str
) -> None:
    ran = streamed(tmp_path, kind, f"yield 'a'\n{then}", more, nexts=[event(), event()])
    assert len(ran.posts) == 2
    for post in ran.posts:
        assert post.body == b"a"
        error_type = post.trailers["lambda-runtime-function-error-type"]
        document = json.loads(base64.b64decode(post.trailers["lambda-runtime-function-error-body"]))
        assert error_type == ("Function.ValueError" if "late" in then else "Runtime.MarshalError")
        assert document["errorType"] == error_type.removeprefix("Function.")
    assert ran.out.count("[ERROR]") == 2


@WAYS
def test_an_exit_after_the_first_item(tmp_path: Path, kind: str, more: dict[str, str]) -> None:
    ran = streamed(tmp_path, kind, "yield 'a'\nraise SystemExit(5)", more, ends=True)
    assert [one.call.rpartition("/")[2] for one in ran.posts] == ["response"]
    assert ran.posts[0].trailers["lambda-runtime-function-error-type"] == "Function.SystemExit"
    assert ran.code == 5


@WAYS
def test_items_leave_as_they_come(tmp_path: Path, kind: str, more: dict[str, str]) -> None:
    """The generator gives the second item only after the test has received the first."""
    source = f"""
        import pathlib
        {kind} handler(event, context):
            yield "first"
            with open("fifo") as fifo:
                yield fifo.read()
    """
    import os

    os.mkfifo(tmp_path / "fifo")
    write(tmp_path, source)
    with Scripted([event()]) as server:
        process = start(tmp_path, server, more=more)
        server.wait_for(lambda it: b"first" in it.under_way)
        (tmp_path / "fifo").write_text("second")
        server.wait_for(lambda it: it.posts)
        process.terminate()
        ran = finish(process, server, tmp_path)
    assert ran.posts[0].body == b"firstsecond"


@WAYS
def test_a_stream_that_the_platform_cuts_off(tmp_path: Path, kind: str, more: dict[str, str]) -> None:
    """The generator is closed, and serving goes on."""
    body = """
if event:
    yield "short"
    return
try:
    while True:
        yield b"x" * 100_000
finally:
    print("closed")
"""
    source = f"{kind} handler(event, context):" + body.replace("\n", "\n    ")
    write(tmp_path, source)
    with Scripted([event(b"0"), event(b"1")], cut=1_000_000) as server:
        process = start(tmp_path, server, more=more)
        most = int(more.get("AWS_LAMBDA_MAX_CONCURRENCY", "1"))
        server.wait_for(lambda it: (it.posts and it.waiting == most) or process.poll() is not None)
        process.terminate()
        ran = finish(process, server, tmp_path)
    assert [(one.body, one.trailers) for one in ran.posts] == [(b"short", {})]
    assert "closed\n" in ran.out
    assert "A streamed response was cut off by the platform" in ran.out
    assert ran.code == 0


@WAYS
def test_a_stream_that_is_refused(tmp_path: Path, kind: str, more: dict[str, str]) -> None:
    posts = [[answer(413, b"too large", Connection="close"), CLOSE]]
    ran = streamed(tmp_path, kind, "yield 'a'", more, nexts=[event(), event()], posts=posts)
    assert ran.calls.count("response") == 2
    assert ran.calls.count("error") == 0
    assert "A response was refused with 413" in ran.out
    assert ran.code == 0


def test_an_async_function_may_return_a_generator(tmp_path: Path) -> None:
    source = """
        async def handler(event, context):
            async def items():
                yield "a"
                yield "b"
            return items() if event else iter_()
        def iter_():
            yield "c"
    """
    ran = run(tmp_path, source, [event(b"1"), event(b"0")])
    assert [one.body for one in ran.posts] == [b"ab", b"c"]
