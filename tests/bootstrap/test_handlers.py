"""The names of handlers and the arguments that they get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.bootstrap.scripted import REQUEST_ID, event
from tests.bootstrap.starting import run, write

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """
    import functools
    def function(event, context): return "function"
    class Group:
        def __init__(self): self.made = "made"
        def method(self, event, context): return self.made
        @classmethod
        def of_class(cls, event, context): return cls.__name__
        @staticmethod
        def static(event, context): return "static"
        class Inner:
            def method(self, event, context): return "inner"
    class Callable:
        def __call__(self, event, context): return "called"
    instance = Callable()
    partial = functools.partial(lambda extra, event, context: extra, "partial")
    async def coroutine(event, context): return "coroutine"
    nothing = 3
"""


@pytest.mark.parametrize(
    ("name", "handler", "result"),
    [
        ("app.py", "app.function", "function"),
        ("mon-code.py", "mon-code.function", "function"),
        ("pkg/mod.py", "pkg/mod.function", "function"),
        ("pkg/mod.py", "pkg.mod.function", "function"),
        ("app.py", "app:function", "function"),
        ("app.py", "app:Group.method", "made"),
        ("app.py", "app:Group.of_class", "Group"),
        ("app.py", "app:Group.static", "static"),
        ("app.py", "app:Group.Inner.method", "inner"),
        ("pkg/mod.py", "pkg/mod:Group.method", "made"),
        ("app.py", "app.instance", "called"),
        ("app.py", "app.partial", "partial"),
        ("app.py", "app.coroutine", "coroutine"),
        ("bootstrap.py", "bootstrap.function", "function"),
        ("layers.py", "layers.function", "function"),
        ("handler.py", "handler.function", "function"),
        ("calls.py", "calls.function", "function"),
        ("__main__.py", "app.function", None),
    ],
)
def test_names_of_handlers(tmp_path: Path, name: str, handler: str, result: str | None) -> None:
    write(tmp_path, MODULE, name)
    ran = run(tmp_path, "", [event()], handler=handler)
    if result is None:
        assert ran.documents[0]["errorType"] == "Runtime.ImportModuleError"
    else:
        assert (ran.documents, ran.code) == ([result], 0)


def test_the_argument_overrides_the_variable(tmp_path: Path) -> None:
    from tests.bootstrap.starting import ISOLATED

    ran = run(tmp_path, MODULE, [event()], command=[*ISOLATED, "app.instance"], handler="app.function")
    assert ran.documents == ["called"]


WRONG = {
    "": "Runtime.MalformedHandlerName",
    "app": "Runtime.MalformedHandlerName",
    ".function": "Runtime.MalformedHandlerName",
    "app.": "Runtime.MalformedHandlerName",
    "app:": "Runtime.MalformedHandlerName",
    "missing.function": "Runtime.ImportModuleError",
    "app.missing": "Runtime.HandlerNotFound",
    "app:Group.missing": "Runtime.HandlerNotFound",
    "app.nothing": "Runtime.HandlerNotFound",
    "app..function": "Runtime.ImportModuleError",
    "../app.function": "Runtime.ImportModuleError",
    "sys.exit": "Runtime.BuiltInModuleConflict",
    "wrong.function": "Runtime.UserCodeSyntaxError",
    "needy.function": "Runtime.ImportModuleError",
    "broken.function": "ValueError",
    "exiting.function": "SystemExit",
    "interrupted.function": "KeyboardInterrupt",
    "deep.function": "RecursionError",
}


@pytest.mark.parametrize("handler", WRONG)
def test_an_init_error_is_posted_and_ends_the_process(tmp_path: Path, handler: str) -> None:
    write(tmp_path, MODULE)
    write(tmp_path, "def function(:\n", "wrong.py")
    write(tmp_path, "import no_such_module\n", "needy.py")
    write(tmp_path, "raise ValueError('bröken')\n", "broken.py")
    write(tmp_path, "import sys; sys.exit(3)\n", "exiting.py")
    write(tmp_path, "raise KeyboardInterrupt\n", "interrupted.py")
    write(tmp_path, "def deep(): deep()\ndeep()\n", "deep.py")
    ran = run(tmp_path, "", [event()], handler=handler, ends=True)
    assert ran.calls == ["init/error"]
    assert ran.code == (3 if handler.startswith("exiting") else 1)
    [document] = ran.documents
    assert document["errorType"] == WRONG[handler]
    assert list(document)[:4] == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert document["requestId"] == ""
    header = WRONG[handler] if "." in WRONG[handler] else f"Function.{WRONG[handler]}"
    assert ran.posts[0].headers["lambda-runtime-function-error-type"] == header
    assert ran.posts[0].headers["content-type"] == "application/json"
    assert ran.out.startswith(f"[ERROR] {WRONG[handler]}")
    assert ran.err == ""


def test_an_init_error_that_is_refused(tmp_path: Path) -> None:
    from tests.bootstrap.scripted import answer

    ran = run(tmp_path, MODULE, [], [answer(403, b"no")], handler="app.missing", ends=True)
    assert (ran.calls, ran.code) == (["init/error"], 1)
    assert "The init error was refused with 403" in ran.out


def test_modules_of_the_function_come_before_those_of_layers(tmp_path: Path) -> None:
    write(tmp_path / "layer", "name = 'layer'", "shared.py")
    write(tmp_path / "layer", "name = 'only the layer'", "only.py")
    write(tmp_path / "task", "name = 'task'", "shared.py")
    source = "import shared, only\ndef handler(event, context): return [shared.name, only.name]"
    ran = run(tmp_path / "task", source, [event()], PYTHONPATH=str(tmp_path / "layer"))
    assert ran.documents == [["task", "only the layer"]]


CONTEXT = """
    import os
    def handler(event, context):
        client, identity = context.client_context, context.identity
        return {
            "id": context.aws_request_id, "arn": context.invoked_function_arn, "name": context.function_name,
            "version": context.function_version, "memory": context.memory_limit_in_mb,
            "group": context.log_group_name, "stream": context.log_stream_name, "tenant": context.tenant_id,
            "identity": [identity.cognito_identity_id, identity.cognito_identity_pool_id],
            "client": client and [client.custom, client.env, client.client and client.client.app_title],
            "left": context.get_remaining_time_in_millis(), "w3c": context.w3c(),
            "trace": os.environ.get("_X_AMZN_TRACE_ID"), "shown": context.aws_request_id in repr(context),
        }
"""
USUAL: dict[str, Any] = {
    "id": REQUEST_ID,
    "arn": "arn:aws:lambda:us-east-1:012345678912:function:f",
    "name": "f",
    "version": "$LATEST",
    "memory": "128",
    "group": "/aws/lambda/f",
    "stream": "2026/11/24/[$LATEST]0123",
    "tenant": None,
    "identity": [None, None],
    "client": None,
    "w3c": {},
    "trace": None,
    "shown": True,
}


def test_the_context(tmp_path: Path) -> None:
    caller = {
        "custom": {"a": "ö"},
        "env": {"b": "c"},
        "client": {"app_title": "title"},
        "w3c": {"traceparent": "00-1", "other": "x"},
    }
    full = event(
        Lambda_Runtime_Client_Context=json.dumps(caller, ensure_ascii=False).encode().decode("latin-1"),
        Lambda_Runtime_Cognito_Identity='{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
        Lambda_Runtime_Trace_Id="Root=1-5-6",
        Lambda_Runtime_Aws_Tenant_Id="blue",
    )
    late = event(Lambda_Runtime_Deadline_Ms="1542409706888")
    without = event(Lambda_Runtime_Deadline_Ms="soon")
    bare = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: x\r\nContent-Length: 2\r\n\r\n{}"
    ran = run(tmp_path, CONTEXT, [full, event(), late, without, bare])
    first, plain, after, never, least = ran.documents
    assert 0 < first.pop("left") <= 60_000
    assert first == {
        **USUAL,
        "tenant": "blue",
        "identity": ["i", "p"],
        "client": [{"a": "ö"}, {"b": "c"}, "title"],
        "w3c": {"traceparent": "00-1"},
        "trace": "Root=1-5-6",
    }
    assert 0 < plain.pop("left") <= 60_000
    assert plain == USUAL
    assert after["left"] == 0
    assert 890_000 < never["left"] <= 900_000
    assert (least["id"], least["arn"], 890_000 < least["left"] <= 900_000) == ("x", None, True)


@pytest.mark.parametrize("header", ["Lambda_Runtime_Client_Context", "Lambda_Runtime_Cognito_Identity"])
@pytest.mark.parametrize("value", ["{", "[1]", "3"])
def test_a_caller_that_is_not_json_is_an_error(tmp_path: Path, header: str, value: str) -> None:
    ran = run(tmp_path, CONTEXT, [event(b"{}", REQUEST_ID, **{header: value}), event()])
    assert ran.documents[0]["errorType"] == "Runtime.LambdaContextUnmarshalError"
    assert ran.calls == ["next", "error", "next", "response", "next"]


def test_the_current_context(tmp_path: Path) -> None:
    source = """
        from bootjack_bootstrap import current_context
        import bootjack_bootstrap
        before = current_context()
        def handler(event, context):
            return [before, current_context() is context, sorted(bootjack_bootstrap.__all__)]
    """
    ran = run(tmp_path, source, [event()])
    assert ran.documents == [[None, True, ["HttpResponse", "current_context", "set_json_default"]]]
