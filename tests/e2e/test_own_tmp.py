"""Where a function that runs as a plain process has its temporary files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.running import Rie, bootjack

RUNTIME = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while headers=$(mktemp) && curl -sSf -o /dev/null -D "$headers" "$api/next"; do
    id=$(sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: *\\([^[:cntrl:]]*\\).*/\\1/p' "$headers")
    curl -sSf -o /dev/null -d "\\"$headers\\"" "$api/$id/response"
done
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A runtime that answers where its temporary file is, and leaves that file behind."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "bootstrap").write_text(RUNTIME)
    (code / "bootstrap").chmod(0o755)
    return code


def test_a_plain_process_has_a_temporary_directory_of_its_own_which_goes_with_it(tmp_path: Path, code: Path) -> None:
    place = tmp_path / "host"
    place.mkdir()
    ended = bootjack("invoke", "--sandbox", "process", code, env={"TMPDIR": str(place)})
    assert ended.code == 0, ended.err
    file = Path(json.loads(ended.out))
    assert file.parent.parent == place
    assert list(place.iterdir()) == []


def test_rie_leaves_the_variable_as_its_container_has_it(tmp_path: Path, code: Path) -> None:
    with Rie("./bootstrap", cwd=code, env={"TMPDIR": str(tmp_path)}) as server:
        assert Path(json.loads(server.invoke(b"{}").body)).parent == tmp_path
