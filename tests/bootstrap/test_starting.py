"""Ways to start the bootstrap: executable, module, wrapper, every Python; and what a start imports."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.bootstrap.scripted import event
from tests.bootstrap.starting import AS_MODULE, EXECUTABLE, ISOLATED, PACKAGE, interpreters, run

EVERYTHING = """
    import decimal, logging
    from bootjack_bootstrap import HttpResponse, current_context
    class Odd: pass
    async def answer(event): return {"async": event}
    def handler(event, context):
        if event == "async": return answer(event)
        if event == "stream": return stream()
        if event == "raise":
            try: 1 // 0
            except ZeroDivisionError as error: raise ValueError("outer") from error
        if event == "odd": return Odd()
        if event == "log": logging.error("logged")
        if event == "decimal": return [decimal.Decimal("1.50"), current_context() is context]
        return event
    def stream():
        yield HttpResponse(200, {"a": "b"})
        yield "body"
        raise KeyError("late")
"""
EVENTS = ["plain", "async", "stream", "raise", "odd", "log", "decimal", "x" * 100_000]


def check_everything(folder: Path, command: list[str], **more: str) -> None:
    """Use every feature once."""
    ran = run(folder, EVERYTHING, [event(json.dumps(one).encode()) for one in EVENTS], command=command, more=more)
    assert (ran.code, ran.err) == (0, "")
    plain, asynchronous, stream, raised, odd, logged, decimal, large = ran.posts
    assert json.loads(plain.body) == "plain"
    assert json.loads(asynchronous.body) == {"async": "async"}
    assert stream.body.endswith(b"\0body")
    assert stream.trailers["lambda-runtime-function-error-type"] == "Function.KeyError"
    assert json.loads(raised.body)["cause"]["errorType"] == "ZeroDivisionError"
    assert json.loads(odd.body)["errorType"] == "Runtime.MarshalError"
    assert json.loads(logged.body) == "log"
    assert decimal.body == b"[1.50, true]"
    assert json.loads(large.body) == "x" * 100_000
    assert "\tlogged\n" in ran.out


@pytest.mark.parametrize("version", interpreters())
@pytest.mark.parametrize("flags", [["-I", "-S"], []], ids=["isolated", "plain"])
def test_every_python(tmp_path: Path, version: str, flags: list[str]) -> None:
    check_everything(tmp_path, [interpreters()[version], *flags, EXECUTABLE])


@pytest.mark.slow
@pytest.mark.parametrize("version", interpreters())
def test_every_python_as_a_module(tmp_path: Path, version: str) -> None:
    check_everything(
        tmp_path,
        [interpreters()[version], "-m", "bootjack_bootstrap", "app.handler"],
        PYTHONPATH=str(PACKAGE.parent),
        _HANDLER="x.y",
    )


@pytest.mark.slow
@pytest.mark.parametrize("version", interpreters())
@pytest.mark.parametrize("most", ["2"])
def test_every_python_with_tasks_threads_and_processes(tmp_path: Path, version: str, most: str) -> None:
    command = [interpreters()[version], "-I", "-S", EXECUTABLE]
    for kind, mode in (("async def", ""), ("def", ""), ("def", "processes")):
        ran = run(
            tmp_path, f"{kind} handler(event, context): return event", [event(b"1"), event(b"2")], command=command,
            AWS_LAMBDA_MAX_CONCURRENCY=most, BOOTJACK_CONCURRENCY_MODE=mode,
        )  # fmt: skip
        assert (sorted(ran.documents), ran.code, ran.err) == ([1, 2], 0, "")


def test_this_python_is_among_those_tried() -> None:
    assert ".".join(map(str, sys.version_info[:2])) in interpreters()


def test_in_a_layer(tmp_path: Path) -> None:
    """`bootstrap` beside `python/bootjack_bootstrap/`, far from bootjack's other packages."""
    layer = tmp_path / "opt"
    shutil.copytree(PACKAGE, layer / "python" / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(EXECUTABLE, layer / "bootstrap")
    (tmp_path / "task").mkdir()
    check_everything(
        tmp_path / "task", [str(layer / "bootstrap")], PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    )


def test_in_a_function_package(tmp_path: Path) -> None:
    """The same two at the top of a function package."""
    shutil.copytree(PACKAGE, tmp_path / "python" / PACKAGE.name)
    shutil.copy2(EXECUTABLE, tmp_path / "bootstrap")
    check_everything(tmp_path, [sys.executable, "-I", "-S", str(tmp_path / "bootstrap")])


def test_a_relative_path(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "python" / PACKAGE.name)
    shutil.copy2(EXECUTABLE, tmp_path / "bootstrap")
    check_everything(tmp_path, [sys.executable, "-S", "bootstrap"])


WRAPPER = """#!/bin/sh
export FROM_WRAPPER="$*"
exec "$@"
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", interpreters())
@pytest.mark.parametrize("way", ["executable", "module"])
def test_a_wrapper(tmp_path: Path, version: str, way: str) -> None:
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o755)
    python = interpreters()[version]
    command = {
        "executable": [python, "-I", "-S", EXECUTABLE, "app.handler"],
        "module": [python, "-m", "bootjack_bootstrap", "app.handler"],
    }[way]
    source = "import os, sys\ndef handler(event, context): return [os.environ['FROM_WRAPPER'], sys.flags.isolated]"
    ran = run(
        tmp_path,
        source,
        [event()],
        command=command,
        AWS_LAMBDA_EXEC_WRAPPER=str(wrapper),
        PYTHONPATH=str(PACKAGE.parent),
    )
    assert (ran.code, ran.err) == (0, "")
    [[arguments, isolated]] = ran.documents
    assert arguments.endswith("app.handler")
    assert isolated == (1 if way == "executable" else 0)


@pytest.mark.parametrize("kind", ["missing", "not executable", "a directory", "not a program"])
def test_a_wrapper_that_cannot_be_started(tmp_path: Path, kind: str) -> None:
    wrapper = tmp_path / "wrapper"
    if kind in ("not executable", "not a program"):
        wrapper.write_text("not a program\n")
        wrapper.chmod(0o644 if kind == "not executable" else 0o755)
    elif kind == "a directory":
        wrapper.mkdir()
    source = "def handler(event, context): return 1"
    ran = run(tmp_path, source, ends=True, AWS_LAMBDA_EXEC_WRAPPER=str(wrapper))
    assert (ran.calls, ran.code) == (["init/error"], 1)
    assert ran.documents[0]["errorType"] == "Runtime.InvalidExecWrapper"
    assert str(wrapper) in ran.documents[0]["errorMessage"]


LISTING = """
    import sys
    seen = []
    def look(name, arguments):
        if name == "socket.connect" and not seen:
            seen.append(sorted(sys.modules))
    sys.addaudithook(look)
    def handler(event, context): return seen[0]
"""
EXPENSIVE = {
    "typing", "re", "json", "socket", "signal", "enum", "logging", "traceback", "dataclasses", "collections",
    "asyncio", "threading", "inspect", "orjson", "uvloop", "http", "contextlib", "functools", "importlib", "decimal",
    "subprocess", "datetime", "uuid", "selectors", "ssl", "random", "encodings.idna",
}  # fmt: skip


@pytest.mark.parametrize("version", interpreters())
def test_a_start_imports_little(tmp_path: Path, version: str) -> None:
    """Looks at `sys.modules` when the connection for the first /next is opened."""
    ran = run(tmp_path, LISTING, [event()], command=[interpreters()[version], "-I", "-S", EXECUTABLE])
    [there] = ran.documents
    assert EXPENSIVE & set(there) == set()
    assert len(there) < 70


def test_only_a_large_event_imports_orjson(tmp_path: Path) -> None:
    source = "import sys\ndef handler(event, context): return ['orjson' in sys.modules, 'uvloop' in sys.modules]"
    small, large = event(b'"x"'), event(b'"' + b"x" * 40_000 + b'"')
    ran = run(tmp_path, source, [small, large], command=AS_MODULE)
    assert ran.documents == [[False, False], [True, False]]


def test_a_large_event_without_orjson(tmp_path: Path) -> None:
    ran = run(
        tmp_path, "def handler(event, context): return event", [event(b'"' + b"x" * 40_000 + b'"')], command=ISOLATED
    )
    assert ran.documents == ["x" * 40_000]
