"""What LocalLambda writes to its log."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runtime_api.local import LocalLambda
from tests.loops import run
from tests.sandboxes import SANDBOX
from tests.test_local_functions import function

if TYPE_CHECKING:
    from pathlib import Path


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
