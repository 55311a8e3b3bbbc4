"""The fixtures of the pytest plugin, in a project that is not well."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 50

CANNOT_START = """
from runtime_api.local import LocalLambda

async def fail(self):
    raise OSError("no room for it")

LocalLambda.__aenter__ = fail
"""
CANNOT_CLOSE = """
from runtime_api.local import LocalLambda

close = LocalLambda.__aexit__

async def fail(self, *error):
    await close(self, *error)
    raise OSError("no room for it")

LocalLambda.__aexit__ = fail
"""


def run_pytest(project: Path, conftest: str, fixture: str) -> subprocess.CompletedProcess[str]:
    (project / "conftest.py").write_text(conftest)
    (project / "test_it.py").write_text(f"def test_one({fixture}): pass\n\ndef test_two(): pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.mark.parametrize("fixture", ["runtime_api", "local_lambda"])
@pytest.mark.parametrize(
    ("conftest", "outcome"), [(CANNOT_START, "1 passed, 1 error"), (CANNOT_CLOSE, "2 passed, 1 error")]
)
def test_a_fixture_that_fails_is_reported_and_pytest_ends(
    tmp_path: Path, fixture: str, conftest: str, outcome: str
) -> None:
    done = run_pytest(tmp_path, conftest, fixture)
    assert done.returncode == 1
    assert outcome in done.stdout
    assert "ERROR test_it.py::test_one - OSError: no room for it" in done.stdout.splitlines()


USES = """
import threading
from http.client import HTTPConnection
from pathlib import Path

CODE = Path(__file__).with_name("code")

def test_a_handler_runs(local_lambda):
    local_lambda.add(str(CODE), handler="app.hello")
    assert local_lambda.invoke(event={"name": "Ann"}).payload == b'{"hello": "Ann"}'

def test_nothing_calls(runtime_api):
    runtime_api.invoke(timeout=0.01)

def test_what_calls_does_not_answer(runtime_api):
    connection = HTTPConnection(runtime_api.address)
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(connection.getresponse().read()))
    waiting.start()
    invocation = runtime_api.submit([1])
    waiting.join()
    assert answers == [b"[1]"]
    runtime_api.invoke(timeout=0.01)

def test_code_that_is_not_there(local_lambda):
    local_lambda.add("nowhere")

def test_an_event_that_could_be_either(local_lambda):
    local_lambda.invoke(event="{}")
"""
SAYS = {
    "nothing_calls": r"TimeoutError: nothing asked for /next at 127\.0\.0\.1:\d+ within 0\.01 s",
    "what_calls_does_not_answer": r"TimeoutError: what asked for /next at 127\.0\.0\.1:\d+ has the event, and did "
    r"not answer within 0\.01 s",
    "code_that_is_not_there": r"NotADirectoryError: .* the code of a function is a directory here: 'nowhere'",
    "an_event_that_could_be_either": "TypeError: an event is bytes, a dict or a list here, not str",
}


def test_fixtures_run_handlers_and_say_what_they_expected(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("def hello(event, context):\n    return {'hello': event['name']}\n")
    (tmp_path / "test_it.py").write_text(USES)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert "4 failed, 1 passed" in done.stdout
    for name, message in SAYS.items():
        assert re.search(rf"^E +{message}$", done.stdout, re.MULTILINE), f"{name}:\n{done.stdout}"
