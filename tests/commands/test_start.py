"""What the start of a server loads, up to the answer to its first request."""

from __future__ import annotations

import http.client
import re
import subprocess
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.e2e.running import PYTHON, SECONDS, bare_environment

if TYPE_CHECKING:
    from pathlib import Path

# Each takes some of the time that a start may take, and serves nothing that was asked for.
UNNEEDED = {
    "aiohttp",
    "boto3",
    "botocore",
    "bootjack_layers.build",
    "email",
    "encodings.idna",
    "http.client",
    "multiprocessing",
    "runtime_api.commands.rie",
    "runtime_api.conformance",
    "runtime_api.engine.environment",
    "runtime_api.engine.sources.dynamodb_streams",
    "runtime_api.engine.sources.kinesis",
    "runtime_api.engine.sources.sqs",
    "runtime_api.protocol.runtime",
    "runtime_api.sandbox.bubblewrap.sandbox",
    "runtime_api.sandbox.plain.process",
    "runtime_api.web.runtime",
    "runtime_api.web.tracing",
    "shutil",
    "tempfile",
    "zipfile",
}


@pytest.mark.slow
def test_a_server_s_first_answer_needs_no_library_for_anything_else(tmp_path: Path) -> None:
    command = [PYTHON, "-X", "importtime", "-m", "runtime_api.cli", "serve", "--sandbox", "process", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data", str(tmp_path)],
        env=bare_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        reader = threading.Thread(target=lines.extend, args=(process.stderr,))
        reader.start()
        try:
            serving = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert serving is not None
            with closing(http.client.HTTPConnection("127.0.0.1", int(serving[1]), timeout=SECONDS)) as caller:
                caller.request("GET", "/2015-03-31/functions")
                assert caller.getresponse().status == 200
        finally:
            process.terminate()
            reader.join()
    imported = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert "runtime_api.web.api" in imported
    assert imported & UNNEEDED == set()
