"""Runs the same functions and events under AWS's own Python bootstrap and under ours, and compares what they do.

`differences.toml` lists every difference by case and aspect, with the reason, and docs/bootstrap.md has them as a
table. A difference that is not listed fails, and so does one that no longer exists.
"""

from __future__ import annotations

import base64
import json
import re
import signal
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.bootstrap.scripted import Request, answer, event
from tests.bootstrap.starting import AS_MODULE, ROOT, Ran, run

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
APP = (HERE / "beside_app.py").read_text()
DIFFERENCES = tomllib.loads((HERE / "differences.toml").read_text())["difference"]
AWS = (sys.executable, "-m", "awslambdaric")
ERROR_TYPE, CAUSE = "lambda-runtime-function-error-type", "lambda-runtime-function-xray-error-cause"
MARKS = re.compile("[\\r\\n][ \N{NO-BREAK SPACE}]+[~^]+(?=[\\r\\n])")  # under a line of source, since Python 3.11
# Headers that are not part of an answer: client, server, length of the body.
TRANSPORT = {"host", "user-agent", "accept", "content-length", "accept-encoding", "connection"}


class Case(NamedTuple):
    """One run: its events and the other circumstances."""

    nexts: tuple[bytes, ...] = ()
    handler: str = "app.handler"
    more: Mapping[str, str] = {}
    posts: tuple[bytes, ...] = ()
    ends: bool = False
    files: Mapping[str, str] = {}
    shows_sigterm: bool = False


def evaluated(*expressions: str, **more: Any) -> Case:
    return Case(tuple(event(json.dumps({"eval": one}).encode()) for one in expressions), **more)


def done(what: str, **more: Any) -> Case:
    return Case((event(json.dumps({"do": what}).encode()),), **more)


CALLER = {"custom": {"a": "b"}, "env": {"c": "d"}, "client": {"app_title": "t"}, "w3c": {"traceparent": "00-1"}}
CASES: dict[str, Case] = {
    "plain": Case((event(b'{"a":[1,2.5,null,true,"\xc3\xa4"]}'), event(b'"2"'), event(b"3"))),
    "6 MB": Case((event(b'"' + b"x" * 6_000_000 + b'"'),)),
    "lone surrogate": Case((event(b'"\\ud800"'),)),
    "big integer": Case((event(b"123456789012345678901234567890"),)),
    "nan in": Case((event(b"NaN"),)),
    "nan out": evaluated("[float('nan'), float('inf')]"),
    "decimal": evaluated("[decimal.Decimal('1.10'), decimal.Decimal('NaN'), decimal.Decimal('1E+2')]"),
    "tuples": evaluated("(1, (2,))"),
    "named tuple": evaluated("[Pair(1, Pair(2, 3))]"),
    "dictionary keys": evaluated("{1: 2, None: 3, True: 4, 1.5: 5}"),
    "bytes": evaluated("b'\\0\\xff'"),
    "bytes inside": evaluated("{'a': b'text'}"),
    "bytes as key": evaluated("{b'a': 1}"),
    "bytearray": evaluated("bytearray(b'a')"),
    "datetime": evaluated("datetime.datetime(2026, 1, 1)"),
    "uuid": evaluated("uuid.UUID(int=0)"),
    "dataclass": evaluated("Point(1)"),
    "enum": evaluated("Colour.RED"),
    "set": evaluated("{1}"),
    "object": evaluated("Odd()"),
    "circle": evaluated("(lambda one: one.append(one) or one)([])"),
    "no json": Case((event(b"{"), event(b""), event(b"1"))),
    "content type": Case((event(b"text", Content_Type="text/plain"),)),
    "content type with a parameter": Case((event(b"1", Content_Type="application/json; charset=utf-8"),)),
    "no content type": Case((event(b"1").replace(b"Content-Type: application/json\r\n", b""),)),
    "exception": evaluated("ValueError('w\u00e4rum')", "KeyError('k')", "Exception()"),
    "exception without words": evaluated("Silent()"),
    "base exception": evaluated("GeneratorExit()"),
    "memory error": evaluated("MemoryError()"),
    "recursion": done("dive"),
    "exit": evaluated("SystemExit(3)", ends=True),
    "interrupt": evaluated("KeyboardInterrupt()", ends=True),
    "chain": done("chain"),
    "notes": done("note"),
    "group": done("group"),
    "context": Case((
        event(
            b'{"do":"context"}', Lambda_Runtime_Client_Context=json.dumps(CALLER), Lambda_Runtime_Trace_Id="Root=1",
            Lambda_Runtime_Cognito_Identity='{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
            Lambda_Runtime_Aws_Tenant_Id="blue", Lambda_Runtime_Invocation_Id="inv",
        ),
        event(b'{"do":"context"}'),
    )),
    "client context that is no json": Case((event(b"1", Lambda_Runtime_Client_Context="{"),)),
    "log": done("log"),
    "log at info": done("log", more={"AWS_LAMBDA_LOG_LEVEL": "INFO"}),
    "log in json": done("log", more={"AWS_LAMBDA_LOG_FORMAT": "JSON"}),
    "log an exception": done("log_exception"),
    "log an exception in json": done("log_exception", more={"AWS_LAMBDA_LOG_FORMAT": "JSON"}),
    "exception in json": evaluated("ValueError('why')", more={"AWS_LAMBDA_LOG_FORMAT": "JSON"}),
    "async": done("async"),
    "generator": done("generator"),
    "async generator": done("async_generator"),
    "no such module": Case(handler="nobody.handler", ends=True),
    "no such function": Case(handler="app.nobody", ends=True),
    "no function": Case(handler="app", ends=True),
    "a class's method": Case((event(b"1"),), handler="app:Odd.__eq__"),
    "built-in module": Case(handler="sys.exit", ends=True),
    "syntax error": Case(handler="wrong.f", ends=True, files={"wrong.py": "def f(:\n"}),
    "error while importing": Case(
        handler="bad.f", ends=True, files={"bad.py": "raise ValueError('while importing')\n"}
    ),
    "exit while importing": Case(handler="bad.f", ends=True, files={"bad.py": "raise SystemExit(3)\n"}),
    "response 400": Case((event(b"1"), event(b"2")), posts=(answer(400),)),
    "response 403": Case((event(b"1"), event(b"2")), posts=(answer(403),)),
    "response 410": Case((event(b"1"), event(b"2")), posts=(answer(410),)),
    "response 413": Case((event(b"1"), event(b"2")), posts=(answer(413),)),
    "response 500": Case((event(b"1"),), posts=(answer(500),), ends=True),
    "next 500": Case((answer(500),), ends=True),
    "next 403": Case((answer(403),), ends=True),
    "sigterm": Case((event(b"1"),), shows_sigterm=True),
    "snap-start": Case((answer(200), event(b"1")), more={"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}),
    "wrapper": Case((event(b"1"),), more={"AWS_LAMBDA_EXEC_WRAPPER": "/no/such/wrapper"}),
}  # fmt: skip


def observed(ran: Ran, case: Case) -> dict[str, Any]:
    """The aspects of a run that are compared, without times, places and marks under a line of source."""
    headers = [{name: value for name, value in one.headers.items() if name not in TRANSPORT} for one in ran.posts]
    idle = not case.ends and ran.code in (0, -signal.SIGTERM) and not case.shows_sigterm
    return {
        "calls": ran.calls,
        "code": "ended by the test" if idle else ran.code,
        "bodies": [_body(one) for one in ran.posts],
        "error type": [one.pop(ERROR_TYPE, None) for one in headers],
        "cause": [_json(one.pop(CAUSE, "null")) for one in headers],
        "headers": headers,
        "trailers": [one.trailers for one in ran.posts if one.trailers],
        "log": _normal(ran.out),
        "stderr": bool(ran.err),
    }


def _body(request: Request) -> Any:
    if request.headers.get("content-type", "") == "application/json" or request.call == "init/error":
        return _json(request.body.decode())
    return base64.b64encode(request.body).decode()


def _json(text: str) -> Any:
    found = json.loads(_place(text), parse_constant=str)
    if isinstance(found, dict) and "stackTrace" in found:
        found["stackTrace"] = [MARKS.sub("", line) for line in found["stackTrace"]]
    return found


def _place(text: str) -> str:
    return re.sub(r"/[^\"' \n]*/(ours|theirs)\b", "/task", text)


def _normal(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME", _place(text))
    return MARKS.sub("", text)


def run_case(case: Case, folder: Path, ours: bool) -> dict[str, Any]:
    """Run a case under one of the two bootstraps."""
    folder.mkdir()
    for name, text in case.files.items():
        (folder / name).write_text(text)
    command = [*(AS_MODULE if ours else AWS), case.handler]
    ran = run(
        folder, APP, case.nexts, case.posts, command=command, handler=case.handler, ends=case.ends,
        PYTHONPATH=str(ROOT), more=case.more,
    )  # fmt: skip
    return observed(ran, case)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_case_differs_only_as_listed(tmp_path: Path, name: str) -> None:
    theirs, ours = (run_case(CASES[name], tmp_path / who, who == "ours") for who in ("theirs", "ours"))
    found = {aspect: (theirs[aspect], ours[aspect]) for aspect in ours if theirs[aspect] != ours[aspect]}
    listed = {aspect for one in DIFFERENCES if name in one["cases"] for aspect in one["aspects"]}
    unlisted = {aspect: both for aspect, both in found.items() if aspect not in listed}
    assert unlisted == {}, "a difference from AWS's bootstrap that differences.toml does not list"
    assert listed <= set(found), "differences.toml lists a difference that does not exist (any more)"


def test_every_listed_difference_names_existing_cases() -> None:
    named = [name for one in DIFFERENCES for name in one["cases"]]
    assert set(named) <= set(CASES)


def test_the_table_in_the_documentation_shows_every_difference() -> None:
    text = (ROOT / "docs" / "bootstrap.md").read_text()
    for one in DIFFERENCES:
        assert f"| {one['what']} | {one['aws']} | {one['ours']} | {one['why']} |" in text
    rows = re.findall(
        r"^\| .* \| .* \| .* \| .* \|$", text.partition("## Differences from awslambdaric")[2], re.MULTILINE
    )
    assert len(rows) == len(DIFFERENCES) + 1, "a row of the table that is not in differences.toml"
