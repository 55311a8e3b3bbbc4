"""What LocalLambda writes to its log."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runtime_api.local import LocalLambda
from runtime_api.service.records import Logging
from tests.loops import run
from tests.sandboxes import SANDBOX
from tests.test_local_functions import function

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.both_sandboxes


def test_a_label_names_the_function_of_each_line(tmp_path: Path) -> None:
    reader, writer = os.pipe()

    async def main() -> None:
        async with LocalLambda(writer, sandbox=SANDBOX, label_log=True) as lam:
            lam.add_function(function(tmp_path, "one"))
            result = await lam.invoke("one", log_type="Tail")
            assert result.log_tail.startswith(b"START ")

    run(main())
    os.close(writer)
    with os.fdopen(reader) as log:
        lines = log.read().splitlines()
    assert len(lines) == 4
    assert all(line.startswith("one | ") for line in lines)


def test_the_log_of_a_function_has_the_format_that_it_asks_for(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    plain = function(tmp_path, "plain")
    asking = function(tmp_path, "asking")
    logging = Logging(None, True, "WARN", "INFO")
    asking = replace(asking, configuration=replace(asking.configuration, logging=logging))

    async def main() -> None:
        async with LocalLambda(writer, sandbox=SANDBOX, label_log=True) as lam:
            for each in (plain, asking):
                lam.add_function(each)
            await lam.invoke("plain")
            tail = (await lam.invoke("asking", log_type="Tail")).log_tail
            assert [json.loads(line)["type"] for line in tail.splitlines()] == ["platform.start", "platform.report"]

    run(main())
    os.close(writer)
    with os.fdopen(reader) as log:
        lines = [line.split(" | ") for line in log.read().splitlines()]
    texts = [text for name, text in lines if name == "plain"]
    assert [text.partition(" ")[0] for text in texts] == ["INIT_START", "START", "END", "REPORT"]
    documents = [json.loads(text) for name, text in lines if name == "asking"]
    assert [document["type"] for document in documents] == ["platform.start", "platform.report"]
