"""Languages that complain of a missing locale find one in either sandbox, though LANG is as on Lambda."""

from __future__ import annotations

import pytest

from tests.e2e.running import bootjack

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]


@pytest.mark.parametrize("sandbox", ["bubblewrap", "process"])
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("perl", "-e", r'print STDERR "LANG=$ENV{LANG}\n"; exit 1'), "LANG=en_US.UTF-8\n"),
        (("ruby", "-e", "$stderr.puts Encoding.default_external; exit 1"), "UTF-8\n"),
    ],
)
def test_utf_8_is_the_encoding(sandbox: str, command: tuple[str, ...], expected: str) -> None:
    ended = bootjack("invoke", "--sandbox", sandbox, "--", *command)
    assert expected in ended.err
    assert "locale" not in ended.err
