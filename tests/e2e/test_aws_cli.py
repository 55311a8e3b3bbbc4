"""The AWS command line against `bootjack rie`."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.clients import aws, client_context
from tests.e2e.running import RAW, Rie

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rie() -> Iterator[Rie]:
    with Rie(*RAW) as server:
        yield server


def test_invoke_with_every_option(rie: Rie, tmp_path: Path) -> None:
    context = client_context({"custom": {"a": "b"}})
    options = ("--log-type", "Tail", "--client-context", context, "--qualifier", "$LATEST")
    ended = aws(rie.url, "invoke", "--function-name", "function", *options, "answer", cwd=tmp_path)
    assert ended.code == 0, ended.err
    answer = json.loads(ended.out)
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "REPORT RequestId: " in base64.b64decode(answer["LogResult"]).decode()
    assert (tmp_path / "answer").read_bytes() == b"{}"


def test_a_payload_from_a_file_and_a_function_error(rie: Rie, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"do": "fail", "message": "because"}')
    name = "arn:aws:lambda:us-east-1:012345678912:function:test_function"
    ended = aws(rie.url, "invoke", "--function-name", name, "--payload", "fileb://event.json", "answer", cwd=tmp_path)
    assert (ended.code, json.loads(ended.out)["FunctionError"]) == (0, "Unhandled")
    assert json.loads((tmp_path / "answer").read_bytes())["errorMessage"] == "because"


def test_an_event(rie: Rie, tmp_path: Path) -> None:
    ended = aws(
        rie.url, "invoke", "--function-name", "function", "--invocation-type", "Event", "answer", cwd=tmp_path
    )
    assert (ended.code, json.loads(ended.out)) == (0, {"StatusCode": 202})


def test_a_missing_function(rie: Rie, tmp_path: Path) -> None:
    ended = aws(rie.url, "invoke", "--function-name", "missing", "answer", cwd=tmp_path)
    assert ended.code in (254, 255)
    assert "(ResourceNotFoundException)" in ended.err
    assert "Function not found: " in ended.err
