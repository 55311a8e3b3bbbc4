"""Baselines: compared with a run, written after one, and read with a message for every mistake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from runtime_api.conformance.baseline import Known, compare, updated
from runtime_api.conformance.baseline_file import read_baseline, written_baseline
from runtime_api.conformance.cases import Case
from runtime_api.conformance.verdicts import CannotRun, Judgement, Verdict
from tests.conformance.matrix import mutant, reference
from tests.conformance.test_command import ONE, conform

if TYPE_CHECKING:
    from pathlib import Path

EVERY = frozenset({"runtime/ids/long", "runtime/ids/short", "runtime/init/raises"})
ENTRY = {"cases": ["runtime/ids/long"], "verdict": "FAILED", "reason": "known"}


def document(**changes: object) -> str:
    return json.dumps({"deviations": [{**ENTRY, **changes}]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is not JSON: "),
        (b"\xff", "it is not JSON: "),
        ("[]", 'it needs the form {"subject": TEXT, "deviations": [ENTRY, ...]}'),
        ('{"deviations": {}}', "it needs the form"),
        ('{"deviations": [], "deviation": []}', "unknown key deviation; the keys are subject and deviations"),
        ('{"deviations": [1]}', "deviations[0]: an entry is an object with the keys cases, verdict, reason"),
        ('{"deviations": [{}]}', "deviations[0]: the key cases is missing: a list of case ids"),
        (document(cases="runtime/ids/long"), "deviations[0].cases: give a list of case ids"),
        (document(cases=[]), "deviations[0].cases: give a list of case ids"),
        (document(cases=["runtime/ids/lang"]), "no such case: runtime/ids/lang; is runtime/ids/long meant?"),
        (document(cases=["server/x"]), "deviations[0]: no such case: server/x (bootjack conform --list shows all"),
        (document(cases=["runtime/ids/long"] * 2), "runtime/ids/long has an entry already; remove one of the two"),
        (document(verdict="OK"), 'deviations[0].verdict: "OK"; give one of FAILED, NON-STRICT, UNIMPLEMENTED'),
        (document(verdict=["FAILED"]), 'deviations[0].verdict: ["FAILED"]; give one of'),
        (document(reason=" "), "deviations[0].reason: say why the subject deviates"),
        (document(sometimes="yes"), "deviations[0].sometimes: give true or false"),
        (document(comment="x"), "unknown key comment; the keys are cases, verdict, reason, sometimes"),
    ],
)
def test_a_mistake_in_a_baseline_is_named_with_its_place(tmp_path: Path, text: str | bytes, message: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CannotRun) as refused:
        read_baseline(file, EVERY)
    assert str(refused.value).startswith(f"--baseline {file}: ")
    assert message in str(refused.value)


def judged(case: str, verdict: Verdict, happened: str = "") -> Judgement:
    return Judgement(Case(case, "It works.", ("none",), ()), verdict, happened=happened)


def test_a_baseline_keeps_its_reasons_and_the_entries_of_cases_that_did_not_run() -> None:
    known = {
        "runtime/ids/long": Known(Verdict.FAILED, "too long for us"),
        "runtime/ids/short": Known(Verdict.FAILED, "repaired since"),
        "runtime/init/raises": Known(Verdict.NON_STRICT, "not run"),
        "runtime/init/slow": Known(Verdict.FAILED, "now and then", sometimes=True),
    }
    run = [
        judged("runtime/ids/long", Verdict.FAILED, "the id is cut"),
        judged("runtime/ids/short", Verdict.OK),
        judged("runtime/init/slow", Verdict.OK),
        judged("runtime/ids/odd", Verdict.FAILED, "the id is odd"),
    ]
    assert updated(run, known) == {
        "runtime/ids/long": known["runtime/ids/long"],
        "runtime/init/raises": known["runtime/init/raises"],
        "runtime/init/slow": known["runtime/init/slow"],
        "runtime/ids/odd": Known(Verdict.FAILED, "the id is odd"),
    }


def test_a_deviation_with_another_verdict_gets_a_new_entry() -> None:
    known = {"runtime/ids/long": Known(Verdict.NON_STRICT, "a matter of taste")}
    after = updated([judged("runtime/ids/long", Verdict.FAILED, "it broke")], known)
    assert after == {"runtime/ids/long": Known(Verdict.FAILED, "it broke")}


def test_a_written_baseline_is_read_again(tmp_path: Path) -> None:
    known = {case: Known(Verdict.FAILED, "one reason") for case in ("runtime/ids/long", "runtime/ids/short")}
    known["runtime/init/raises"] = Known(Verdict.UNIMPLEMENTED, "another", sometimes=True)
    file = tmp_path / "baseline.json"
    file.write_bytes(written_baseline("./bootstrap", known))
    assert read_baseline(file, EVERY) == known
    assert len(json.loads(file.read_bytes())["deviations"]) == 2


def test_a_run_differs_from_a_baseline_by_news_and_stale_entries() -> None:
    known = {"runtime/ids/long": Known(Verdict.FAILED, "known"), "runtime/ids/gone": Known(Verdict.FAILED, "known")}
    run = [judged("runtime/ids/long", Verdict.OK), judged("runtime/ids/short", Verdict.FAILED)]
    assert compare(run, known, EVERY) == (
        ("runtime/ids/short: FAILED",),
        ("runtime/ids/long: the baseline says FAILED, now OK", "runtime/ids/gone: no such case"),
    )


def test_a_run_passes_with_the_baseline_that_it_wrote_and_fails_when_that_is_stale(tmp_path: Path) -> None:
    file = str(tmp_path / "baseline.json")
    assert conform(*ONE, "--write-baseline", file, "--", *mutant("again413")).returncode == 0
    assert conform(*ONE, "--baseline", file, "--", *mutant("again413")).returncode == 0
    stale = conform(*ONE, "--baseline", file, "--", *reference())
    assert (stale.returncode, "STALE" in stale.stdout) == (1, True)
    assert conform(*ONE, "--write-baseline", file, "--", *reference()).returncode == 0
    news = conform(*ONE, "--baseline", file, "--", *mutant("again413"))
    assert (news.returncode, "NEWS" in news.stdout) == (1, True)


def test_a_mistake_in_a_baseline_stops_the_run_before_it_starts(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(document(verdict="BAD"))
    for option in ("--baseline", "--write-baseline"):
        done = conform(*ONE, option, str(file), "--transcript", str(tmp_path / "all"), "--", *reference())
        assert done.returncode == 2
        assert 'deviations[0].verdict: "BAD"' in done.stderr
        assert list((tmp_path / "all").iterdir()) == []
    assert json.loads(file.read_text())["deviations"][0]["verdict"] == "BAD"
