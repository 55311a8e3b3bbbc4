"""The pytest plugin, as a project uses it that installs bootjack."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance.matrix import HANDLERS, reference

if TYPE_CHECKING:
    from runtime_api.pytest_plugin import LiveRuntimeApi, LocalFunctionClient

EXAMPLE = Path(__file__).parents[2] / "examples" / "bash-runtime"
LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_LOG_GROUP_NAME": "group",
    "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
    "LAMBDA_TASK_ROOT": str(HANDLERS / "python"),
    "_HANDLER": "handler.handler",
}


def test_an_external_runtime_is_invoked(runtime_api: LiveRuntimeApi) -> None:
    waiting = runtime_api.submit(b'{"a":1}')
    variables = {**LAMBDA, "AWS_LAMBDA_RUNTIME_API": runtime_api.address}
    with subprocess.Popen(reference(), env=variables) as process:
        try:
            assert waiting.result(20).payload == b'{"a":1}'
            assert runtime_api.invoke(b"[2]").payload == b"[2]"
        finally:
            process.kill()


def test_a_function_in_a_directory_is_invoked(local_lambda: LocalFunctionClient) -> None:
    local_lambda.add(EXAMPLE, "f")
    result = local_lambda.invoke("f", b'{"a":1}')
    assert result.function_error is None
    assert b'{"a":1}' in result.payload


def test_cases_are_tests(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "runtime/ids"]
    command += ["--bootstrap", " ".join(reference()), "--bootstrap-handler", "handler.handler"]
    command += ["--bootstrap-directory", str(HANDLERS / "python")]
    begin = time.monotonic()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout, f"{done.stdout} after {time.monotonic() - begin} s"
