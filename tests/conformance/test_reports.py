"""What people read of a run: the terminal report, its colours, and the progress."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from runtime_api.commands.conform_progress import Progress, Standing, line, note
from runtime_api.conformance.cases import Case
from runtime_api.conformance.reports import render
from runtime_api.conformance.reports.badge import GREEN, GREY, OLIVE, RED
from runtime_api.conformance.verdicts import Findings, Judgement, Verdict
from runtime_api.conformance.words import wanted
from tests.conformance.matrix import HANDLER, HANDLERS, mutant

SVG = "{http://www.w3.org/2000/svg}"


def case(name: str, seconds: float = 0) -> Case:
    return Case(name, "It works.", ("none",), (), seconds=seconds)


def findings(*judgements: tuple[str, Verdict, str]) -> Findings:
    made = tuple(Judgement(case(name), verdict, reason=reason) for name, verdict, reason in judgements)
    return Findings("./bootstrap", "runtime", "wire", False, 0, made)


MIXED = findings(
    ("runtime/a/ok", Verdict.OK, ""),
    ("runtime/a/loose", Verdict.NON_STRICT, ""),
    ("runtime/b/one", Verdict.UNIMPLEMENTED, "it does not stream"),
    ("runtime/b/two", Verdict.UNIMPLEMENTED, "it does not stream"),
    ("runtime/c/broken", Verdict.FAILED, ""),
    ("runtime/d/skipped", Verdict.SKIPPED, "no {opt}"),
)


def test_failures_come_first_and_missing_parts_are_one_line_for_each_group() -> None:
    heads = [text for text in render("terminal", MIXED).splitlines() if re.match("[A-Z-]{6,}  ", text)]
    assert heads == [
        "FAILED  runtime/c/broken",
        "NON-STRICT  runtime/a/loose",
        "UNIMPLEMENTED  runtime/b, 2 cases: it does not stream",
        "SKIPPED  1 case: no {opt}",
    ]
    assert render("terminal", MIXED).endswith(
        "./bootstrap\n1 OK, 1 NON-STRICT, 1 FAILED, 2 UNIMPLEMENTED, 1 SKIPPED, in 0.0 s\n"
    )


def test_the_report_in_colours_has_the_same_text() -> None:
    coloured = render("terminal", MIXED, colour=True)
    assert "\x1b[1;31mFAILED" in coloured
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == render("terminal", MIXED)


def on_a_terminal(**variables: str) -> str:
    """What `conform` shows for one failing case on a terminal."""
    command = [sys.executable, "-m", "runtime_api.cli", "conform", "--handler", HANDLER]
    command += ["--only", "runtime/refusals/response-413-once", "--", *mutant("again413")]
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "NO_COLOR": "", **variables}
    with subprocess.Popen(command, cwd=HANDLERS / "python", stdout=theirs, stderr=theirs, stdin=theirs, env=env):
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 1 << 16):
                shown += data
        except OSError:  # the last process has closed it
            pass
        finally:
            os.close(ours)
    return shown.decode()


def test_a_terminal_gets_colours_and_the_case_in_progress() -> None:
    shown = on_a_terminal()
    assert "\x1b[1;31mFAILED\x1b[0m  runtime/refusals/response-413-once" in shown
    assert re.search(r"\rconform: 0 of 1 cases, \d+ s(; runtime/refusals/response-413-once \(\d+ s\))?\x1b\[K", shown)


def test_a_note_takes_the_place_of_the_progress_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for on_terminal, shown in ((True, "\r\x1b[KTwo cases write /tmp/x.\n"), (False, "Two cases write /tmp/x.\n")):
        stream = io.StringIO()
        stream.isatty = lambda on_terminal=on_terminal: on_terminal  # type: ignore[method-assign,misc]
        monkeypatch.setattr(sys, "stderr", stream)
        note("Two cases write /tmp/x.")
        assert stream.getvalue() == shown


def test_no_color_is_respected() -> None:
    assert "\x1b[1;31m" not in on_a_terminal(NO_COLOR="1")


def test_the_progress_names_the_case_that_runs_longest_and_guesses_the_rest() -> None:
    now = Standing(52, 257, 1, 12.2, 40.4, ("runtime/connections/long-wait", 7.3))
    assert line(now) == (
        "conform: 52 of 257 cases, 1 FAILED, 12 s, about 40 s left; runtime/connections/long-wait (7 s)"
    )


def test_a_case_that_takes_long_counts_for_more_of_the_time_that_is_left() -> None:
    long, short = case("runtime/a/long", 9.7), case("runtime/a/short")
    progress = Progress([long, short])
    progress.begun(long)
    assert progress.standing().longest is not None
    progress.judged(Judgement(long, Verdict.OK))
    standing = progress.standing()
    assert (standing.done, standing.cases, standing.longest) == (1, 2, None)
    assert standing.left_s is None or standing.left_s < standing.seconds


OK, LOOSE, FAILED = (("runtime/a/a", verdict, "") for verdict in (Verdict.OK, Verdict.NON_STRICT, Verdict.FAILED))


@pytest.mark.parametrize(
    ("found", "text", "colour"),
    [
        (findings(OK, OK), "2 OK", GREEN),
        (findings(OK, LOOSE), "1 OK, 1 NON-STRICT", OLIVE),
        (findings(OK, LOOSE)._replace(strict=True), "1 of 2 FAILED", RED),
        (findings(OK, OK, LOOSE, FAILED), "1 of 4 FAILED", RED),
        (findings(OK, FAILED)._replace(baseline=True), "1 OK, 1 known", OLIVE),
        (findings(OK)._replace(baseline=True, stale=("x",)), "baseline is stale", RED),
        (findings(("runtime/a/a", Verdict.SKIPPED, "no")), "not judged", GREY),
    ],
)
def test_a_badge_says_how_the_run_ended(found: Findings, text: str, colour: str) -> None:
    badge = render("badge", found)
    picture = ElementTree.fromstring(badge)
    assert [part.text for part in picture.iter(f"{SVG}text")] == ["Lambda conformance", text]
    assert [part.get("fill") for part in picture.iter(f"{SVG}rect")][-1] == colour


def test_what_is_wanted_is_said_in_words() -> None:
    want = {
        "kind": "error",
        "headers": {"Content-Type": "~application/json.*", "X-None": False, "X-Any": True},
        "body": {
            "has": {"errorType": "Broken", "stackTrace": {"absent_or": {"list": True}}, "n": {"from": 1, "to": 2}}
        },
    }
    assert wanted(want) == (
        'kind "error", the header Content-Type matching /application/json.*/, the header X-None absent, '
        "the header X-Any present, a body that is JSON with "
        'errorType "Broken" and stackTrace absent, or a list and n from 1 to 2'
    )
    assert wanted({"body": {"json": {"a": None}}}) == 'a body that is the JSON value {"a": null}'
    assert wanted({"body": '{"a":1}'}) == "the body '{\"a\":1}'"
