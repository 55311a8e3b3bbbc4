"""Layers as users build them: reproducible archives, and a bundled Python that runs in an empty root."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bootjack_layers.archive import extract
from bootjack_layers.interpreter import Interpreter, inspect_python
from tests.e2e.empty_root import invoke_all, run
from tests.e2e.running import bootjack

if TYPE_CHECKING:
    from tests.e2e.running import Ended

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
BUILD_SECONDS = 300.0
BOTH = ("--with-python", "--bundle-libc")
PACKAGES = ("--package=awslambdaric", "--package=orjson", "--package=uvloop")
MODULES = "ssl, sqlite3, ctypes, lzma, bz2, hashlib, zoneinfo, asyncio, sys"
RELEASE = ("/opt/py/bin/python3", "-IS", "-c", f"import {MODULES}; print(sys.version.split()[0])")
HANDLER = """
import ctypes, sqlite3, ssl, sys

import orjson
import uvloop


async def answer():
    return 42


def handler(event, context):
    return {
        "event": event,
        "request": context.aws_request_id,
        "prefix": sys.prefix,
        "certificates": len(ssl.create_default_context().get_ca_certs()),
        "sqlite3": sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0],
        "ctypes": ctypes.CDLL("libm.so.6").abs(-42),
        "orjson": orjson.loads(orjson.dumps(42)),
        "uvloop": uvloop.run(answer()),
        "foreign": [line for line in open("/proc/self/maps") if "/lib" in line and "/opt" not in line],
    }
"""
RIC = """#!/opt/py/bin/python3 -IS
import os, sys

sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], "/opt/python"]
from awslambdaric.__main__ import main

main([sys.argv[0], os.environ["_HANDLER"]])
"""


def build(*arguments: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> Ended:
    ended = bootjack("layer", "build", *arguments, seconds=BUILD_SECONDS, env=env, cwd=cwd)
    assert ended.code == 0, ended.err
    return ended


def check(*arguments: str | Path) -> Any:
    ended = bootjack("layer", "check", "--json", *arguments, seconds=60)
    assert ended.code in (0, 1), ended.err
    return json.loads(ended.out)


def errors(report: Any) -> list[Any]:
    return [finding for finding in report["findings"] if finding["severity"] == "error"]


def interpreters() -> list[Interpreter]:
    """The Python that runs the tests, which is in the archive of them all, and the system's if it is another one."""
    found = [inspect_python(Path(sys.executable))]
    system = Path("/usr/bin/python3")
    return found + [other for other in ([inspect_python(system)] if system.exists() else []) if other != found[0]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with the bootstrap, Python, glibc and libraries."""
    archive = tmp_path_factory.mktemp("whole") / "layer.zip"
    build("--bootstrap", *BOTH, *PACKAGES, "-o", archive)
    return archive


@pytest.fixture(scope="module")
def opt(whole: Path) -> Path:
    root = whole.parent / "opt"
    extract(whole, root)
    return root


@pytest.fixture
def task(tmp_path: Path) -> Path:
    root = tmp_path / "task"
    root.mkdir()
    (root / "app.py").write_text(HANDLER)
    return root


def test_function_runs_in_an_empty_root(opt: Path, task: Path) -> None:
    first, second = invoke_all(opt, task, "app.handler", [b'{"n": 1}', b'{"n": 2}'])
    answer = json.loads(first.body)
    assert first.status == 200
    assert "x-amz-function-error" not in first.headers, answer
    assert answer.pop("request") == first.headers["x-amzn-requestid"]
    assert answer.pop("certificates") > 0
    assert answer == {
        "event": {"n": 1},
        "prefix": "/opt/py",
        "sqlite3": 42,
        "ctypes": 42,
        "orjson": 42,
        "uvloop": 42,
        "foreign": [],
    }
    assert json.loads(second.body)["event"] == {"n": 2}


def test_second_build_elsewhere_gives_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    other = tmp_path / "another place"
    (other / "tmp").mkdir(parents=True)
    build(
        *reversed(PACKAGES),
        *BOTH,
        *("--bootstrap", "-o", other / "x.zip"),
        env={"TMPDIR": str(other / "tmp"), "LC_ALL": "C", "PYTHONHASHSEED": "7"},
        cwd=other,
    )
    assert (other / "x.zip").read_bytes() == whole.read_bytes()
    assert list((other / "tmp").iterdir()) == []


def test_built_layer_has_no_findings(whole: Path, opt: Path) -> None:
    assert check(whole)["findings"] == []
    assert check(opt)["findings"] == []


def test_the_bundled_interpreter_has_its_modules(opt: Path, task: Path) -> None:
    assert run(opt, task, *RELEASE).strip() == interpreters()[0].release


@pytest.mark.parametrize("interpreter", interpreters()[1:], ids=lambda found: str(found.executable))
def test_another_interpreter_of_this_machine_can_be_bundled(interpreter: Interpreter, task: Path) -> None:
    layer = task.parent / "layer"
    build(*BOTH, "--python", interpreter.executable, "-o", task.parent / "x.zip")
    extract(task.parent / "x.zip", layer)
    assert run(layer, task, *RELEASE).strip() == interpreter.release


def test_build_without_glibc_names_the_binary_that_needs_a_newer_one(tmp_path: Path) -> None:
    ended = bootjack(
        "layer", "build", "--with-python", "--runtime", "provided.al2", "-o", tmp_path / "x.zip", seconds=60
    )
    assert ended.code == 2
    assert "but provided.al2 has glibc 2.26: add --bundle-libc" in ended.message
    assert "(symbol " in ended.message
    assert list(tmp_path.iterdir()) == []


def test_awslambdaric_runs_in_a_layer(opt: Path, task: Path) -> None:
    (task / "bootstrap").write_text(RIC)
    (task / "bootstrap").chmod(0o755)
    (task / "app.py").write_text("def handler(event, context):\n    return [event, context.function_name]\n")
    (reply,) = invoke_all(opt, task, "app.handler", [b'"hello"'], "/var/task/bootstrap")
    assert (reply.status, json.loads(reply.body)) == (200, ["hello", "function"])


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_wheels_are_for_the_requested_architecture(arch: str, tmp_path: Path) -> None:
    packages = ("--package", "pillow", "--package", "orjson")  # pillow has shared libraries of its own
    ended = build(*packages, "--runtime", "python3.12", "--arch", arch, "-o", tmp_path / "x.zip")
    assert b"python/PIL/" in ended.out
    target = ("--runtime", "python3.12", "--arch")
    assert errors(check(tmp_path / "x.zip", *target, arch)) == []
    other = "arm64" if arch == "x86_64" else "x86_64"
    wrong = {finding["rule"] for finding in errors(check(tmp_path / "x.zip", *target, other))}
    assert wrong == {"L501"}
    older = {
        finding["rule"] for finding in errors(check(tmp_path / "x.zip", "--runtime", "python3.11", "--arch", arch))
    }
    assert "L505" in older


def test_version_without_a_wheel_is_reported(tmp_path: Path) -> None:
    ended = bootjack("layer", "build", "--package", "orjson==0.0.0", "-o", tmp_path / "x.zip", seconds=60)
    assert ended.code == 2
    assert "orjson==0.0.0" in ended.message
    assert "sdists are not built" in ended.message
    assert list(tmp_path.iterdir()) == []
