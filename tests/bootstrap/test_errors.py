"""Errors of a handler: what is posted and logged, and whether serving goes on."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.bootstrap.scripted import REQUEST_ID, event
from tests.bootstrap.starting import run

if TYPE_CHECKING:
    from pathlib import Path


def test_an_exception(tmp_path: Path) -> None:
    source = """
        def inner(): raise ValueError("wröng")
        def handler(event, context): inner()
    """
    ran = run(tmp_path, source, [event(), event()])
    assert ran.calls == ["next", "error", "next", "error", "next"]
    document = ran.documents[0]
    path = tmp_path / "app.py"
    frames = [
        f'  File "{path}", line 3, in handler\n    def handler(event, context): inner()\n',
        f'  File "{path}", line 2, in inner\n    def inner(): raise ValueError("wröng")\n',
    ]
    assert [
        re.sub(r" +[~^]+\n", "", line) for line in document["stackTrace"]
    ] == frames  # Python underlines the place
    del document["stackTrace"]
    assert document == {"errorMessage": "wröng", "errorType": "ValueError", "requestId": REQUEST_ID}
    headers = ran.posts[0].headers
    assert headers["content-type"] == "application/json"
    assert headers["lambda-runtime-function-error-type"] == "Function.ValueError"
    cause = json.loads(headers["lambda-runtime-function-xray-error-cause"])
    assert cause == {
        "working_directory": str(tmp_path),
        "exceptions": [
            {
                "message": "wröng",
                "type": "ValueError",
                "stack": [
                    {"label": "handler", "path": str(path), "line": 3},
                    {"label": "inner", "path": str(path), "line": 2},
                ],
            }
        ],
        "paths": [str(path)],
    }
    first = ran.out.splitlines()[0] if "\r" not in ran.out else ran.out.partition("\r")[0]
    assert first == "[ERROR] ValueError: wröng"
    assert ran.out.count("\n") == 2
    assert "\r\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}File " in ran.out


NOT_FATAL = [
    "MemoryError()", "RecursionError('deep')", "GeneratorExit()", "StopIteration(1)", "BaseException('base')",
    "OSError('os')", "KeyError('k')", "Quiet()", "Silent()", "Ünïcode('ö')",
    "asyncio.CancelledError()", "UnicodeDecodeError('utf-8', b'x', 0, 1, 'why')",
]  # fmt: skip


def test_errors_of_every_kind_are_posted_and_serving_goes_on(tmp_path: Path) -> None:
    source = """
        import asyncio
        class Quiet(Exception): pass
        class Silent(Exception):
            def __str__(self): raise RuntimeError("no message")
        class Ünïcode(Exception): pass
        def handler(event, context):
            if event == "fine":
                return event
            raise eval(event)
    """
    ran = run(tmp_path, source, [event(json.dumps(one).encode()) for one in [*NOT_FATAL, "fine"]])
    assert [one["errorType"] for one in ran.documents[:-1]] == [
        one.partition("(")[0].rpartition(".")[2] for one in NOT_FATAL
    ]
    assert ran.documents[-1] == "fine"
    assert ran.code == 0
    assert "RuntimeError" in ran.documents[NOT_FATAL.index("Silent()")]["errorMessage"]
    named = ran.posts[NOT_FATAL.index("Ünïcode('ö')")].headers["lambda-runtime-function-error-type"]
    assert named.startswith("Function.")
    assert named.isascii()


@pytest.mark.parametrize(
    ("raised", "code"),
    [("SystemExit(7)", 7), ("SystemExit()", 0), ("SystemExit('why')", 1), ("KeyboardInterrupt()", -2)],
)
@pytest.mark.parametrize("way", ["sync", "async", "tasks", "threads"])
def test_an_exit_is_posted_before_the_process_ends(tmp_path: Path, raised: str, code: int, way: str) -> None:
    kind = "def" if way in ("sync", "threads") else "async def"
    more = {"AWS_LAMBDA_MAX_CONCURRENCY": "2"} if way in ("tasks", "threads") else {}
    ran = run(tmp_path, f"{kind} handler(event, context): raise {raised}", [event()], ends=True, more=more)
    assert [one["errorType"] for one in ran.documents] == [raised.partition("(")[0]]
    assert ran.code == (1 if way == "threads" and code == -2 else code)


def test_deep_recursion(tmp_path: Path) -> None:
    source = """
        def dive(depth): return dive(depth + 1)
        def handler(event, context): return dive(0) if event else "fine"
    """
    ran = run(tmp_path, source, [event(b"1"), event(b"0")])
    assert ran.documents[0]["errorType"] == "RecursionError"
    assert ran.documents[1] == "fine"
    assert 3 <= len(ran.documents[0]["stackTrace"]) <= 120
    assert len(ran.posts[0].headers.get("lambda-runtime-function-xray-error-cause", "")) <= 65_536


def test_an_xray_cause_that_is_too_large_for_its_header_is_left_out(tmp_path: Path) -> None:
    ran = run(tmp_path, "def handler(event, context): raise ValueError('x' * 100_000)", [event()])
    assert "lambda-runtime-function-xray-error-cause" not in ran.posts[0].headers
    assert ran.documents[0]["errorMessage"] == "x" * 100_000


def test_a_message_cannot_break_out_of_a_header(tmp_path: Path) -> None:
    source = """
        def handler(event, context):
            raise type("Bad\\r\\nX-Injected: 1", (Exception,), {})("a\\r\\nX-Too: 1")
    """
    ran = run(tmp_path, source, [event()])
    assert not {"x-injected", "x-too"} & set(ran.posts[0].headers)
    assert ran.documents[0]["errorMessage"] == "a\r\nX-Too: 1"


def test_causes_are_reported(tmp_path: Path) -> None:
    source = """
        def handler(event, context):
            try:
                try:
                    1 // 0
                except ZeroDivisionError as error:
                    raise KeyError("middle") from error
            except KeyError:
                raise RuntimeError("outer")
    """
    ran = run(tmp_path, source, [event()])
    [document] = ran.documents
    assert list(document) == ["errorMessage", "errorType", "requestId", "stackTrace", "cause"]
    assert document["cause"]["errorType"] == "KeyError"
    assert document["cause"]["cause"]["errorType"] == "ZeroDivisionError"
    assert "cause" not in document["cause"]["cause"]
    assert "ZeroDivisionError: " in ran.out
    assert "direct cause" in ran.out
    assert "bootstrap" not in ran.out


def test_suppressed_and_circular_causes_are_not_reported(tmp_path: Path) -> None:
    source = """
        def handler(event, context):
            if event:
                error = ValueError("loop")
                error.__cause__ = KeyError("loop")
                error.__cause__.__cause__ = error
                raise error
            try:
                1 // 0
            except ZeroDivisionError:
                raise RuntimeError from None
    """
    ran = run(tmp_path, source, [event(b"0"), event(b"1")])
    assert "cause" not in ran.documents[0]
    assert "cause" not in ran.documents[1]["cause"]


def test_notes_and_groups_are_reported(tmp_path: Path) -> None:
    source = """
        def handler(event, context):
            error = ExceptionGroup("both", [ValueError("one"), ExceptionGroup("in", [TypeError("two")])])
            error.add_note("a note")
            raise error
    """
    ran = run(tmp_path, source, [event()])
    [document] = ran.documents
    assert document["notes"] == ["a note"]
    assert [one["errorType"] for one in document["exceptions"]] == ["ValueError", "ExceptionGroup"]
    assert document["exceptions"][1]["exceptions"][0]["errorMessage"] == "two"
    assert "TypeError: two" in ran.out
    assert "a note" in ran.out


def test_a_handler_may_close_or_replace_standard_output(tmp_path: Path) -> None:
    source = """
        import io, sys
        def handler(event, context):
            if event == 1:
                sys.stdout.close()
            if event == 2:
                sys.stdout = None
            if event == 3:
                sys.stdout = sys.stderr = io.StringIO()
            return event
    """
    ran = run(tmp_path, source, [event(b"1"), event(b"2"), event(b"3"), event(b"4")])
    assert (ran.documents, ran.code) == ([1, 2, 3, 4], 0)
