"""`bootjack conform` as it is typed."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

import runtime_api.conformance
from tests.conformance.matrix import HANDLER, HANDLERS, mutant, reference

HOME = Path(runtime_api.conformance.__file__).parent
ONE = ("--only", "runtime/refusals/response-413-once")


def conform(*arguments: str, directory: Path = HANDLERS / "python") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runtime_api.cli", "conform", "--handler", HANDLER, *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=50, check=False)


def test_a_case_that_is_kept_is_exit_code_0() -> None:
    done = conform(*ONE, "--", *reference())
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 OK" in done.stdout


def test_a_case_that_is_broken_is_told_with_all_that_one_needs() -> None:
    command = mutant("again413")
    done = conform(*ONE, "--", *command)
    assert done.returncode == 1
    for part in ("FAILED  runtime/refusals/response-413-once", "requirement", "source", "expected", "happened"):
        assert part in done.stdout
    assert "runtime -> api: POST /2018-06-01/runtime/invocation/" in done.stdout
    assert f"--only {ONE[1]} --seed 0 -- {shlex.join(command)}" in done.stdout


def test_a_recommendation_fails_with_strict_only() -> None:
    only = ("--only", "runtime/refusals/response-413-goes-on")
    assert conform(*only, "--", *mutant("ends-at413")).returncode == 0
    assert conform(*only, "--strict", "--", *mutant("ends-at413")).returncode == 1


def test_what_cannot_be_run_is_exit_code_2(tmp_path: Path) -> None:
    for arguments in (
        ("--only", "runtime/no/such", "--", *reference()),
        ("--", "no-such-command-anywhere"),
        ("--report", "pdf", "--", *reference()),
        ("--baseline", str(tmp_path / "none.json"), "--", *reference()),
        (str(tmp_path),),
    ):
        done = conform(*arguments)
        assert done.returncode == 2, arguments
        assert "Traceback" not in done.stderr
        assert done.stderr.startswith("Usage:")


def test_the_list_begins_with_ids() -> None:
    done = conform("--list", "--only", "runtime/ids")
    assert done.returncode == 0
    assert [line.split()[0].rpartition("/")[0] for line in done.stdout.splitlines()] == ["runtime/ids"] * 8


def test_a_baseline_fails_on_news_and_on_what_is_stale(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    known = {"cases": [ONE[1]], "verdict": "FAILED", "reason": "it does"}
    baseline.write_text(json.dumps({"deviations": [known]}))
    assert conform(*ONE, "--baseline", str(baseline), "--", *mutant("again413")).returncode == 0
    stale = conform(*ONE, "--baseline", str(baseline), "--", *reference())
    assert (stale.returncode, "STALE" in stale.stdout) == (1, True)
    baseline.write_text('{"deviations": []}')
    news = conform(*ONE, "--baseline", str(baseline), "--", *mutant("again413"))
    assert (news.returncode, "NEWS" in news.stdout) == (1, True)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    wanted = [f"--report={form}={folder}/{form}" for form in ("json", "junit", "github", "markdown", "html")]
    done = conform(
        "--only", "runtime/refusals/response-413-*", *wanted, f"--transcript={folder}/all", "--", *mutant("again413")
    )
    assert done.returncode == 1
    return folder


def test_the_json_report_is_of_the_form_that_its_schema_describes(reports: Path) -> None:
    document = json.loads((reports / "json").read_text())
    jsonschema.validate(document, json.loads((HOME / "reports" / "report-schema.json").read_text()))
    assert document["counts"]["FAILED"] == 1


def test_the_junit_report_counts_and_tells_the_failure(reports: Path) -> None:
    suite = ElementTree.parse(reports / "junit").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert "POST" in (suite.findtext("testcase/failure") or "")


def test_the_other_reports_tell_the_failure(reports: Path) -> None:
    assert "::error title=FAILED runtime/refusals/response-413-once::" in (reports / "github").read_text()
    assert "<b>FAILED</b> runtime/refusals/response-413-once" in (reports / "markdown").read_text()
    page = (reports / "html").read_text()
    assert "<svg" in page
    assert 'src="' not in page


def test_each_exchange_has_its_file(reports: Path) -> None:
    names = {path.name for path in (reports / "all").iterdir()}
    assert names == {"runtime.refusals.response-413-once.txt", "runtime.refusals.response-413-goes-on.txt"}
