"""Bootstraps that break the contract: what `bootjack invoke` says of each, beside Lambda's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.functions import write_bootstrap
from tests.e2e.running import bootjack

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

API = 'api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"\n'
NEXT = 'curl -s "$api/invocation/next" >/dev/null\n'
WRONG = {
    "exit 3": "the runtime exited before it asked for its first event",
    f"{API}{NEXT}{NEXT}sleep 60": "the runtime asked for the next event again without having answered this one",
    f"{API}{NEXT}curl -s $api/invocation/nope/response -d 1\nsleep 60": "the runtime answered the request id 'nope'",
    f"{API}{NEXT}exit 0": "the runtime exited while it had the event, before it answered",
}


@pytest.mark.parametrize("script", WRONG)
def test_what_the_runtime_did_is_said_in_one_line(tmp_path: Path, script: str) -> None:
    function = write_bootstrap(tmp_path / "function", f"#!/bin/sh\n{script}\n")
    ended = bootjack("invoke", function, "--timeout", "2")
    assert ended.code == 1
    (line,) = [line for line in ended.err.splitlines() if line.startswith("bootjack: ")]
    assert WRONG[script] in line


def test_an_init_that_fails_twice_in_the_same_way_is_shown_once(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("print('importing')\nimport not_there\ndef hello(event, context): ...\n")
    ended = bootjack("invoke", "app.hello", cwd=tmp_path)
    assert ended.code == 1
    assert ended.err.count("importing") == 1
    assert ended.err.count("No module named 'not_there'") == 1
    assert ended.err.count("Status: error") == 3  # of the init, of the one inside the invocation, and in REPORT


def test_a_script_for_bash_is_told_that_plain_processes_have_this_machine_s_shell(tmp_path: Path) -> None:
    if Path("/bin/sh").resolve().name != "dash":
        pytest.skip("/bin/sh of this machine is not dash")
    function = write_bootstrap(tmp_path / "function", "#!/bin/sh\nset -o pipefail\n")
    ended = bootjack("invoke", "-q", "--sandbox", "process", function)
    output, said = ended.err.splitlines()[-2:]
    assert "Illegal option -o pipefail" in output
    assert said.endswith("its /bin/sh is not bash, as Lambda's is: begin its script with #!/bin/bash")
    assert "START RequestId" not in ended.err
