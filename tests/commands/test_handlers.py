"""TARGET as the name of a Python handler, which runs on the bundled bootstrap."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.e2e.running import PYTHON, Serve, bootjack
from tests.sandboxes import task_root

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

SOURCE = """
import os, sys
def handler(event, context):
    return {"event": event, "handler": os.environ["_HANDLER"], "name": context.function_name, "python": sys.prefix}
class Orders:
    def __init__(self):
        self.taken = 0
    def take(self, event, context):
        self.taken += 1
        return self.taken
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(SOURCE)
    (tmp_path / "pkg" / "deep").mkdir(parents=True)
    (tmp_path / "pkg" / "deep" / "my-module.py").write_text(SOURCE)
    return tmp_path


@pytest.mark.parametrize(
    "handler", ["app.handler", "app:handler", "pkg/deep/my-module.handler", "pkg.deep.my-module.handler"]
)
def test_a_handler_in_the_current_directory_runs(project: Path, handler: str) -> None:
    ended = bootjack("invoke", handler, "-e", '{"a": 1}', cwd=project)
    assert ended.code == 0, ended.err
    answer = json.loads(ended.out)
    assert (answer["event"], answer["handler"]) == ({"a": 1}, handler)


def test_the_function_is_named_after_its_module(project: Path) -> None:
    assert json.loads(bootjack("invoke", "app.handler", cwd=project).out)["name"] == "app"


def test_a_method_is_called_on_an_instance(project: Path) -> None:
    assert bootjack("invoke", "app:Orders.take", cwd=project).out == b"1"


def test_a_handler_that_the_module_lacks_is_an_init_error(project: Path) -> None:
    ended = bootjack("invoke", "app.nothing", cwd=project)
    assert ended.code == 1
    assert json.loads(ended.out)["errorType"] == "Runtime.HandlerNotFound"


@pytest.mark.parametrize("target", ["apq.handler", "app", "pkg/nothing.handler"])
def test_a_missing_module_is_a_usage_error(project: Path, target: str) -> None:
    ended = bootjack("invoke", target, cwd=project)
    assert ended.code == 2
    assert ended.message == (
        f"TARGET {target}: no such file or directory, nor a Python handler; to run a command, put it after --"
    )


def test_a_file_takes_precedence_over_a_handler_of_the_same_name(project: Path) -> None:
    (project / "app.handler").write_text("#!/bin/sh\nexit 3\n")
    (project / "app.handler").chmod(0o755)
    assert b"exit status 3" in bootjack("invoke", "app.handler", cwd=project).out


def test_the_interpreter_of_the_active_virtual_environment_is_used(project: Path) -> None:
    other = project / "other"
    (other / "bin").mkdir(parents=True)
    (other / "bin" / "python3").symlink_to(Path(PYTHON).resolve())
    (other / "pyvenv.cfg").write_text(f"home = {Path(PYTHON).resolve().parent}\n")
    ended = bootjack("invoke", "app.handler", cwd=project, env={"VIRTUAL_ENV": str(other)})
    assert json.loads(ended.out)["python"] == f"{task_root(project)}/other"
    assert json.loads(bootjack("invoke", "app.handler", cwd=project).out)["python"] == sys.prefix


def test_serve_accepts_handlers(project: Path) -> None:
    with Serve("one=app.handler", "two=app:Orders.take", cwd=project) as served:
        assert json.loads(served.invoke(b"{}", name="one").body)["handler"] == "app.handler"
        assert [served.invoke(b"{}", name="two").body for _ in range(3)] == [b"1", b"2", b"3"]


@pytest.mark.parametrize("packed", [False, True], ids=["directory", "archive"])
def test_a_package_without_a_bootstrap_runs_the_handler_that_is_named(project: Path, packed: bool) -> None:
    target = shutil.make_archive(str(project / "packed"), "zip", project) if packed else str(project)
    ended = bootjack("invoke", target, "--handler", "app.handler", "-e", "1")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["handler"] == "app.handler"
