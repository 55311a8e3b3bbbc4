"""Users and bootstraps that once kept an execution environment from opening, and its callers waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import write_bootstrap
from tests.e2e.running import Serve, bootjack

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.ordinary import User

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]


def test_a_user_without_a_home_directory_is_served(user: User) -> None:
    code = write_bootstrap(user.home.parent / "code")
    environment = {**user.environment, "BOOTJACK_SANDBOX": "auto"}
    command = (*user.command[:-1], "env", "-u", "HOME", user.command[-1])
    ended = bootjack("invoke", code, "-e", '{"do": "place"}', command=command, env=environment)
    assert (ended.code, b'"cwd"' in ended.out) == (0, True), ended


@pytest.fixture
def garbled(tmp_path: Path) -> Path:
    """A directory with a bootstrap whose first line contains a NUL."""
    bootstrap = tmp_path / "bootstrap"
    bootstrap.write_bytes(b"#!/bin/\0sh\n")
    bootstrap.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("sandbox", ["process", "bubblewrap"])
def test_a_nul_in_the_first_line_is_an_invalid_entrypoint(garbled: Path, sandbox: str) -> None:
    ended = bootjack("invoke", "--sandbox", sandbox, garbled)
    assert (ended.code, b"Runtime.InvalidEntrypoint" in ended.out) == (1, True), ended


def test_a_bad_first_line_takes_no_place_in_the_pool(garbled: Path) -> None:
    with Serve("--sandbox", "bubblewrap", "--concurrency", "1", garbled) as serve:
        for _ in range(3):
            assert b"Runtime.InvalidEntrypoint" in serve.invoke(b"1").body
