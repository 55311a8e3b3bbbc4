"""Which sandbox functions run in, and what is reported where bubblewrap is missing or does not work."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import ask, write_bootstrap
from tests.e2e.running import RUNTIMES, Serve, bootjack

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]

PLACE = '{"do": "place"}'
NOT_ISOLATED = "bootjack: functions run as plain processes (they see this machine's files"
MISSING = "bubblewrap is not installed (apt-get install bubblewrap, dnf install bubblewrap)"
REASON = "bwrap: No permissions to create new namespace"
FAILS = f"bubblewrap does not work here ({REASON}): it needs user namespaces, which this system or container forbids"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return write_bootstrap(tmp_path / "code")


@pytest.fixture
def missing(tmp_path: Path) -> dict[str, str]:
    """A PATH without bwrap."""
    (tmp_path / "bin").mkdir()
    return {"PATH": str(tmp_path / "bin")}


@pytest.fixture
def failing(tmp_path: Path) -> dict[str, str]:
    """A PATH with a bwrap that fails with a reason."""
    program = tmp_path / "bin" / "bwrap"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{REASON}' >&2\nexit 1\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def place(*options: str | Path, env: dict[str, str] | None = None) -> str:
    """The working directory of a function."""
    ended = bootjack("invoke", *options, "-e", PLACE, env=env)
    assert ended.code == 0, ended
    assert NOT_ISOLATED not in ended.err
    found: str = json.loads(ended.out)["cwd"]
    return found


def test_auto_is_bubblewrap_where_that_works(code: Path) -> None:
    assert place(code, env={"BOOTJACK_SANDBOX": ""}) == "/var/task"
    assert place(code, "--sandbox", "auto") == "/var/task"


def test_a_plain_process_on_request_needs_no_warning(code: Path) -> None:
    assert place(code, "--sandbox", "process") == str(code)
    assert place(code, env={"BOOTJACK_SANDBOX": "process"}) == str(code)


def test_the_option_overrides_the_variable(code: Path) -> None:
    assert place(code, "--sandbox", "bubblewrap", env={"BOOTJACK_SANDBOX": "process"}) == "/var/task"


def test_a_variable_that_names_no_sandbox_is_a_usage_error(code: Path) -> None:
    ended = bootjack("invoke", code, env={"BOOTJACK_SANDBOX": "docker"})
    assert ended.code == 2
    assert "BOOTJACK_SANDBOX" in ended.message
    assert "'docker' is not one of 'auto', 'bubblewrap', 'process'" in ended.message


@pytest.mark.parametrize(("path", "reason"), [("missing", MISSING), ("failing", FAILS)])
def test_without_bubblewrap_auto_warns_once_what_is_not_isolated(
    code: Path, request: pytest.FixtureRequest, path: str, reason: str
) -> None:
    env = {**request.getfixturevalue(path), "BOOTJACK_SANDBOX": "auto"}
    with Serve(code, f"other={code}", "--concurrency", "2", env=env) as serve:
        for name in ("code", "other", "code"):
            assert json.loads(serve.invoke(PLACE.encode(), name).body)["cwd"] == str(code)
        lines = serve.log().splitlines()
    (warning,) = [line for line in lines if line.startswith(NOT_ISOLATED)]
    assert warning.endswith(f", since {reason}")
    assert "Error" not in "".join(lines)


@pytest.mark.parametrize("verb", ["invoke", "serve"])
@pytest.mark.parametrize(("path", "reason"), [("missing", MISSING), ("failing", FAILS)])
def test_without_bubblewrap_a_request_for_it_is_refused(
    code: Path, request: pytest.FixtureRequest, verb: str, path: str, reason: str
) -> None:
    ended = bootjack(verb, "--sandbox", "bubblewrap", code, env=request.getfixturevalue(path))
    assert (ended.code, ended.out) == (2, b"")
    assert ended.message == f"--sandbox bubblewrap: {reason}; --sandbox process works without it"


@pytest.mark.parametrize("network", ["own", "none"])
def test_a_network_that_is_asked_for_is_never_that_of_this_machine(
    code: Path, missing: dict[str, str], network: str
) -> None:
    ended = bootjack("invoke", "--network", network, code, env={**missing, "BOOTJACK_SANDBOX": "auto"})
    assert (ended.code, ended.message) == (2, f"--network {network} needs bubblewrap: {MISSING}")
    ended = bootjack("invoke", "--network", network, "--sandbox", "process", code)
    assert (ended.code, ended.out) == (2, b"")
    assert (
        ended.message == f"--network {network} needs bubblewrap; leave out --sandbox process, or --network {network}"
    )
    event = ask("variables", names=["AWS_LAMBDA_RUNTIME_API"])
    ended = bootjack("invoke", "--network", network, code, "-e", event, env={"BOOTJACK_SANDBOX": "auto"})
    assert json.loads(ended.out) == {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}


def test_a_python_handler_needs_no_further_options() -> None:
    ended = bootjack("invoke", "--sandbox", "bubblewrap", "app.handler", "-e", "[1]", cwd=RUNTIMES)
    assert (ended.code, ended.out) == (0, b"[1]"), ended


def test_an_older_bubblewrap_does_what_it_can(code: Path, tmp_path: Path) -> None:
    """It does not know how to forbid user namespaces. Code that others may not read is where it would."""
    real = shutil.which("bwrap")
    program = tmp_path / "bin" / "bwrap"
    program.parent.mkdir()
    program.write_text(
        f"""#!/bin/sh
for argument; do
    [ "$argument" != --disable-userns ] || {{ echo "bwrap: Unknown option $argument" >&2; exit 1; }}
done
exec {real} "$@"
"""
    )
    program.chmod(0o755)
    code.chmod(0o700)
    assert (
        place("--sandbox", "bubblewrap", code, env={"PATH": f"{program.parent}:{os.environ['PATH']}"}) == "/var/task"
    )


def test_a_sandbox_that_cannot_be_built_is_an_error_of_the_command(code: Path, tmp_path: Path) -> None:
    """With a bwrap that works in the trial run and never again."""
    program = tmp_path / "bin" / "bwrap"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\n[ -e {tmp_path}/tried ] || exec touch {tmp_path}/tried\necho '{REASON}' >&2; exit 1\n"
    )
    program.chmod(0o755)
    path = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    ended = bootjack("invoke", "--sandbox", "bubblewrap", code, env=path)
    assert ended.code == 2
    reason = f"the sandbox could not be built: {REASON}"
    assert ended.message == f"No execution environment could be opened: {reason}"
