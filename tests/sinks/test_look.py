"""How the log looks: quiet, coloured, and the same bytes in what is kept."""

from __future__ import annotations

import pytest

from runtime_api.protocol.journal import Entry
from runtime_api.protocol.platform_events import Lines, Start
from runtime_api.sinks.look import OWN, Look

PLATFORM = Entry(0, (Start("an-id", "$LATEST", "", None),))
OUTPUT = Entry(0, (Lines("runtime", b"one\ntwo\n"),))
OURS = Entry(0, (Lines(OWN, b"bootjack: one\nbootjack: two\n"),))


@pytest.mark.parametrize("entry", [PLATFORM, OUTPUT, OURS])
def test_a_plain_log_is_written_as_it_is_kept(entry: Entry) -> None:
    assert Look().show(entry, entry.text()) == entry.text()


def test_a_quiet_log_has_what_functions_write_and_what_goes_wrong() -> None:
    quiet = Look(quiet=True)
    assert quiet.show(PLATFORM, PLATFORM.text()) == b""
    assert quiet.show(OUTPUT, OUTPUT.text()) == b"one\ntwo\n"
    assert quiet.show(OURS, OURS.text()) == OURS.text()


def test_each_line_of_the_platform_s_and_of_ours_has_its_own_colour_and_output_has_none() -> None:
    coloured = Look(coloured=True)
    assert coloured.show(OUTPUT, OUTPUT.text()) == OUTPUT.text()
    assert coloured.show(OURS, OURS.text()) == b"\x1b[36mbootjack: one\x1b[0m\n\x1b[36mbootjack: two\x1b[0m\n"
    assert coloured.show(PLATFORM, PLATFORM.text()).startswith(b"\x1b[2mSTART RequestId: an-id")
