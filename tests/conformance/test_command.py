"""`bootjack conform` on the command line."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from click.testing import CliRunner

import runtime_api.conformance
from runtime_api.commands.root import bootjack
from tests.conformance.matrix import HANDLER, HANDLERS, mutant, reference

pytestmark = pytest.mark.slow

HOME = Path(runtime_api.conformance.__file__).parent
ONE = ("--only", "runtime/refusals/response-413-once")


def conform(*arguments: str, directory: Path = HANDLERS / "python") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runtime_api.cli", "conform", "--handler", HANDLER, *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=50, check=False)


def test_a_passed_case_exits_with_0() -> None:
    done = conform(*ONE, "--", *reference())
    assert done.returncode == 0
    assert "1 OK" in done.stdout


def test_a_failed_case_is_reported_with_its_source_and_the_exchange() -> None:
    command = mutant("again413")
    done = conform(*ONE, "--", *command)
    assert done.returncode == 1
    for part in ("FAILED  runtime/refusals/response-413-once", "requirement", "source", "expected", "happened"):
        assert part in done.stdout
    assert "runtime -> api: POST /2018-06-01/runtime/invocation/" in done.stdout
    assert (
        f"alone        bootjack conform --only {ONE[1]} --seed 0 --handler {HANDLER} -- {shlex.join(command)}\n"
        in (done.stdout)
    )


def test_the_command_line_of_one_case_repeats_every_option_that_the_case_needs(tmp_path: Path) -> None:
    (tmp_path / "variables").write_text("A=1\n")
    options = ["--level", "echo", "--timeout", "0.3", "--strict", "--seed", "7"]
    options += ["--env-file", str(tmp_path / "variables"), "--env-var", "B=two words"]
    done = conform("--only", "runtime/basics/asks-for-an-event", *options, "--", "sleep", "60")
    (alone,) = (line for line in done.stdout.splitlines() if line.startswith("    alone "))
    again = shlex.split(alone)[3:]
    assert set(options) <= set(again)
    assert conform(*again).stdout.splitlines()[0] == "FAILED  runtime/basics/asks-for-an-event"


def test_only_selects_within_the_level() -> None:
    assert "needs" not in conform("--only", "runtime/errors/message", "--level", "contract", "--list").stderr
    done = conform("--only", "runtime/errors/message", "--", *reference())
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        "--only runtime/errors/message: these cases need --level contract, and the conformance handler" in done.stderr
    )


def test_what_only_names_at_the_next_level_is_counted() -> None:
    done = conform("--only", "runtime/basics", "--", *reference())
    assert "3 OK" in done.stdout
    assert "--level echo runs 1 more case; it requires a handler that returns its event." in done.stdout


def test_a_recommendation_fails_only_with_strict() -> None:
    only = ("--only", "runtime/refusals/response-413-goes-on")
    assert conform(*only, "--", *mutant("ends-at413")).returncode == 0
    assert conform(*only, "--strict", "--", *mutant("ends-at413")).returncode == 1


def test_a_run_that_cannot_start_exits_with_2(tmp_path: Path) -> None:
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
        assert "Error: " in done.stderr


COMMAND = ("--", "true")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "runtime/no/such", *COMMAND), "--only runtime/no/such: no such case; --list shows all cases"),
        (("--only", "runtime/ids", "--only", "runtime/id", *COMMAND), "--only runtime/id: no such case;"),
        (("--only", "server/next", *COMMAND), "these cases judge a server: name it with --server or --server-url"),
        (("--only", "runtime/ids", "--server-url", "host"), "these cases judge a bootstrap: name it as TARGET"),
        (("--seed", str(2**64), *COMMAND), "--seed 18446744073709551616: give an integer of at most 64 bits"),
        (("--report", "json=/no/such/file", *COMMAND), "--report json=/no/such/file: no such directory: /no/such"),
        (("--server-url", "ftp://host"), "--server-url 'ftp://host': give http://HOST:PORT[/PREFIX]"),
        (("--server", "sh 'a"), "--server: the command line cannot be read: no closing quotation"),
        (("--server", "sh {invoke_port}"), "--server: put {bootstrap}, the program to run as the runtime"),
        (("--server", "sh {bootstrap}"), "--server: put {invoke_port}, the port that takes invocations"),
        (("--server", "no-such {bootstrap} {invoke_port}"), "--server: command not found: no-such"),
        (("--server", "a", "--server-url", "b"), "--server and --server-url: give one of them"),
        (
            ("--server", "sh {bootstrap} {invoke_port}", "target"),
            "leave out TARGET and COMMAND, which name a bootstrap",
        ),
    ],
)
def test_a_mistake_in_the_arguments_is_explained_with_what_to_do(arguments: tuple[str, ...], message: str) -> None:
    done = CliRunner().invoke(bootjack, ["conform", *arguments])
    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--server-url", "127.0.0.1:1"), "cannot connect to 127.0.0.1:1 for the Runtime API: connection refused"),
        (
            ("--server", "sh -c 'echo sorry' {bootstrap} {invoke_port} {prot}"),
            "There is no placeholder {prot}; the placeholders are {bootstrap}, {handler}",
        ),
        (("--server", "sh -c 'echo sorry' {bootstrap} {invoke_port}"), "its {invoke_port}\nIt wrote:\nsorry"),
        (("/usr/share",), "there is no bootstrap in /usr/share; put an executable file of that name there"),
    ],
)
def test_a_subject_that_does_not_start_is_explained_with_what_to_do(arguments: tuple[str, ...], message: str) -> None:
    done = conform(*arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_report_that_cannot_be_written_stops_the_run_before_it_starts(tmp_path: Path) -> None:
    done = conform(*ONE, "--transcript", str(tmp_path / "all"), "--report", "html=/no/such/file", "--", *reference())
    assert done.returncode == 2
    assert not (tmp_path / "all").exists()


def test_timeout_may_be_given_by_its_former_name() -> None:
    for name in ("--timeout", "--patience"):
        done = conform("--only", "runtime/basics/asks-for-an-event", name, "0.2", "--", "sleep", "60")
        assert "nothing for 0.2 s" in done.stdout
    assert "--patience" not in conform("--help").stdout


def test_the_list_starts_with_ids() -> None:
    done = conform("--list", "--only", "runtime/ids")
    assert done.returncode == 0
    assert [line.split()[0].rpartition("/")[0] for line in done.stdout.splitlines()] == ["runtime/ids"] * 8


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    wanted = [f"--report={form}={folder}/{form}" for form in ("json", "junit", "github", "markdown", "html")]
    done = conform(
        "--only", "runtime/refusals/response-413-*", *wanted, f"--transcript={folder}/all", "--", *mutant("again413")
    )
    assert done.returncode == 1
    return folder


def test_the_json_report_matches_its_schema(reports: Path) -> None:
    document = json.loads((reports / "json").read_text())
    jsonschema.validate(document, json.loads((HOME / "reports" / "report-schema.json").read_text()))
    assert document["counts"]["FAILED"] == 1


def test_the_json_report_is_indented_by_one_space(reports: Path) -> None:
    text = (reports / "json").read_text()
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"


def test_a_command_that_is_not_utf_8_is_reported(tmp_path: Path) -> None:
    script = os.fsencode(tmp_path) + b"/a\xff"
    Path(os.fsdecode(script)).write_text("#!/bin/sh\n")
    Path(os.fsdecode(script)).chmod(0o755)
    reports = [f"--report={form}={tmp_path}/{form}" for form in ("terminal", "json", "junit", "html", "markdown")]
    done = conform(*ONE, *reports, "--", os.fsdecode(script))
    assert done.returncode == 1
    assert json.loads((tmp_path / "json").read_text())["subject"].endswith("/a\\xff'")


def test_the_junit_report_contains_the_failure(reports: Path) -> None:
    suite = ElementTree.parse(reports / "junit").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert "POST" in (suite.findtext("testcase/failure") or "")


def test_the_other_reports_contain_the_failure(reports: Path) -> None:
    assert "::error title=FAILED runtime/refusals/response-413-once::" in (reports / "github").read_text()
    assert "<b>FAILED</b> runtime/refusals/response-413-once" in (reports / "markdown").read_text()
    page = (reports / "html").read_text()
    assert "<svg" in page
    assert 'src="' not in page


def test_each_exchange_is_written_to_a_file(reports: Path) -> None:
    names = {path.name for path in (reports / "all").iterdir()}
    assert names == {"runtime.refusals.response-413-once.txt", "runtime.refusals.response-413-goes-on.txt"}
