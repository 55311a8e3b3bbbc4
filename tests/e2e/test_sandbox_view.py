"""Runtimes of all kinds in bubblewrap, at Lambda's paths; what they see of this machine, and what they reach."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.commands.functions import ask, write_bootstrap
from tests.e2e.clients import aws, connected, invoke
from tests.e2e.gates import Gate, Held
from tests.e2e.running import PYTHON, RAW, RUNTIMES, Ended, Serve, bootjack

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]

IN_BUBBLEWRAP = ("--sandbox", "bubblewrap")
OWN_ADDRESS = "127.0.0.1:9001"  # as on AWS
SEVERAL = 4

EXAMPLE = Path(__file__).parents[2] / "examples" / "bash-runtime"
# As the guide's tutorial begins (guide 4719): #!/bin/sh is bash on Lambda.
TUTORIAL = {
    "bootstrap": (EXAMPLE / "bootstrap").read_text().replace("#!/usr/bin/env bash", "#!/bin/sh", 1),
    "function.sh": (EXAMPLE / "function.sh").read_text(),
}


def run(*arguments: str | Path, **options: Any) -> Ended:
    """Run `bootjack invoke` in bubblewrap."""
    return bootjack("invoke", *IN_BUBBLEWRAP, *arguments, **options)


def answer(*arguments: str | Path, cwd: Path = RUNTIMES) -> Any:
    """The answer of a function that succeeds."""
    ended = run(*arguments, cwd=cwd)
    assert ended.code == 0, ended
    return json.loads(ended.out)


# -- runtimes


@pytest.fixture
def tutorial(tmp_path: Path) -> Path:
    folder = tmp_path / "runtime-tutorial"
    folder.mkdir()
    for name, text in TUTORIAL.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def test_the_guides_tutorial_runs_unchanged(tutorial: Path) -> None:
    ended = run(tutorial, "-e", '{"text":"Hello"}')
    assert (ended.code, ended.out) == (0, b"""Echoing request: '{"text":"Hello"}'"""), ended
    assert '\n{"text":"Hello"}\n' in ended.err


def test_the_guides_command_invokes_the_guides_tutorial(tutorial: Path, tmp_path: Path) -> None:
    call = ("invoke", "--function-name", "bash-runtime", "--payload", "fileb://event.json", "response.txt")
    (tmp_path / "event.json").write_text('{"text":"Hello"}')
    with Serve(*IN_BUBBLEWRAP, f"bash-runtime={tutorial}") as serve:
        for _ in range(2):
            ended = aws(serve.url, *call, cwd=tmp_path)
            assert ended.code == 0, ended
            assert (tmp_path / "response.txt").read_text() == """Echoing request: '{"text":"Hello"}'"""
        assert serve.log().count("INIT_START") == 1


def compiled(folder: Path) -> Path:
    """A bootstrap that is a single static program."""
    folder.mkdir()
    source = RUNTIMES / "echo.c"
    subprocess.run(["gcc", "-static", "-O1", "-o", folder / "bootstrap", source], check=True, timeout=30)
    return folder


def of_node(folder: Path) -> Path:
    """A bootstrap that is a Node.js script."""
    folder.mkdir()
    shutil.copy(RUNTIMES / "echo.js", folder / "bootstrap")
    (folder / "bootstrap").chmod(0o755)
    return folder


@pytest.mark.parametrize("make", [compiled, of_node, write_bootstrap])
def test_a_bootstrap_in_any_language(tmp_path: Path, make: Any) -> None:
    with Serve(*IN_BUBBLEWRAP, make(tmp_path / "code")) as serve, connected(serve.url) as client:
        events: list[Any] = [{"a": "ü"}, [], "x" * 200_000]
        for event in events:
            assert invoke(client, event).document == event


def test_awss_own_python_bootstrap() -> None:
    command = ("--", PYTHON, "-m", "awslambdaric", "app.handler")
    with Serve(*IN_BUBBLEWRAP, *command, cwd=RUNTIMES) as serve, connected(serve.url) as client:
        found = invoke(client, {"do": "context"}, LogType="Tail")
        assert (found.error, found.document["memory"]) == (None, "128")
        assert f"START RequestId: {found.document['request_id']} " in found.log
        failed = invoke(client, {"do": "raise", "message": "because"})
        assert (failed.error, failed.document["errorType"]) == ("Unhandled", "ValueError")
        assert invoke(client, {"do": "exit", "code": 7}).document["errorType"] == "Runtime.ExitError"
        assert invoke(client, {"after": "all"}).document == {"after": "all"}


def test_a_python_handler_runs_where_it_would_on_lambda() -> None:
    found = answer("greedy.handler", "-e", ask("look"))
    assert (found["directory"], found["user"], found["processes"]) == ("/var/task", 993, 2)


# -- this machine's files


def test_a_mounted_file_has_its_own_path_and_is_read_only(tmp_path: Path) -> None:
    shown, hidden = tmp_path / "shown", tmp_path / "hidden"
    shown.write_text("settings")
    shown.chmod(0o666)  # only the sandbox keeps others from writing it
    hidden.write_text("secret")
    with (
        Serve(*IN_BUBBLEWRAP, "--mount", shown, "greedy.handler", cwd=RUNTIMES) as serve,
        connected(serve.url) as client,
    ):
        assert invoke(client, {"do": "read", "path": str(shown)}).document == "settings"
        assert invoke(client, {"do": "append", "path": str(shown)}).document == "EROFS"
        assert invoke(client, {"do": "read", "path": str(hidden)}).document["errorType"] == "FileNotFoundError"
        shown.write_text("new settings")
        assert invoke(client, {"do": "read", "path": str(shown)}).document == "new settings"


def test_a_mount_can_be_a_relative_path(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("found")
    shutil.copy(RUNTIMES / "greedy.py", tmp_path)
    event = ask("read", path=str(tmp_path / "data" / "file"))
    assert answer("--mount", "data", "greedy.handler", "-e", event, cwd=tmp_path) == "found"


def test_a_mount_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    ended = run("--mount", tmp_path / "nothing", "greedy.handler", cwd=RUNTIMES)
    assert (ended.code, ended.message) == (2, f"--mount {tmp_path}/nothing: no such file or directory")


@pytest.mark.parametrize("place", ["/", "/tmp", "/var/", "/proc"])
def test_a_mount_cannot_cover_what_the_sandbox_has_itself(place: str) -> None:
    ended = run("--mount", place, "greedy.handler", cwd=RUNTIMES)
    own = "/" + place.strip("/")
    assert (ended.code, ended.out) == (2, b"")
    assert ended.message.endswith(f": the sandbox has its own {own}; mount the files below it that you need")


def test_a_mount_that_leads_to_what_the_sandbox_has_itself_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to("/")
    ended = run("--mount", tmp_path / "root", "greedy.handler", cwd=RUNTIMES)
    assert (ended.code, ended.out) == (2, b"")
    assert "the sandbox has its own /;" in ended.message


def test_a_mount_that_is_a_link_shows_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("found")
    (tmp_path / "link").symlink_to("data")
    event = ask("read", path=str(tmp_path / "link"))
    assert answer("--mount", tmp_path / "link", "greedy.handler", "-e", event) == "found"


def test_an_interpreter_in_a_home_is_visible_and_a_program_in_a_script_needs_a_mount(tmp_path: Path) -> None:
    interpreter = compiled(tmp_path / "home") / "bootstrap"
    script = write_bootstrap(tmp_path / "script", f"#!{interpreter}\n")
    assert run(script, "-e", '"seen"').out == b'"seen"'
    hidden = write_bootstrap(tmp_path / "hidden", f"#!/bin/sh\nexec {interpreter}\n")
    refused = run(hidden)
    assert refused.code == 1
    assert f"{interpreter}: No such file or directory" in refused.err
    assert run("--mount", interpreter.parent, hidden, "-e", '"seen"').out == b'"seen"'


def test_an_interpreter_that_only_a_new_bootstrap_names_is_reported_with_the_remedy(tmp_path: Path) -> None:
    interpreter = compiled(tmp_path / "home") / "bootstrap"
    code = write_bootstrap(tmp_path / "code", "#!/bin/sh\nexit 3\n")
    with Serve(*IN_BUBBLEWRAP, code) as serve, connected(serve.url) as client:
        assert invoke(client, {}).document["errorMessage"].endswith("exit status 3")
        write_bootstrap(code, f"#!{interpreter}\n")
        refused = invoke(client, {}, LogType="Tail")
        assert refused.document["errorType"] == "Runtime.InvalidEntrypoint"
        assert (
            f"{interpreter} is not visible in the sandbox: show it with --mount {interpreter.parent}" in refused.log
        )


# -- the network of this machine


def test_network_none_reaches_only_the_runtime_api_at_awss_address() -> None:
    name = f"tests-{Path(PYTHON).stat().st_ino}"
    with (
        socket.socket(socket.AF_UNIX) as unix,
        Serve(*IN_BUBBLEWRAP, "--network", "none", "greedy.handler", cwd=RUNTIMES) as serve,
        connected(serve.url) as client,
    ):
        unix.bind("\0" + name)
        unix.listen()
        assert invoke(client, {"do": "look"}).document["api"] == OWN_ADDRESS
        to = [("127.0.0.1", serve.port), name, ("192.0.2.1", 80), ("127.0.0.1", 9001)]
        found = invoke(client, {"do": "connect", "to": to}).document
        assert found == ["ECONNREFUSED", "ECONNREFUSED", "ENETUNREACH", "reached"]


def test_network_host_is_the_network_of_this_machine() -> None:
    with (
        Serve(*IN_BUBBLEWRAP, "--network", "host", "greedy.handler", cwd=RUNTIMES) as serve,
        connected(serve.url) as client,
    ):
        assert invoke(client, {"do": "look"}).document["api"] != OWN_ADDRESS
        assert invoke(client, {"do": "connect", "to": [("127.0.0.1", serve.port)]}).document == ["reached"]


def test_every_environment_has_awss_address(tmp_path: Path) -> None:
    gates = [Gate() for _ in range(SEVERAL)]
    options = ("--network", "none", "--concurrency", str(SEVERAL + 1), "-t", "20")
    with Serve(*IN_BUBBLEWRAP, *options, "--", *RAW, cwd=tmp_path) as serve:
        held = [Held(serve, gate) for gate in gates]
        event = ask("variables", names=["AWS_LAMBDA_RUNTIME_API"]).encode()
        assert json.loads(serve.invoke(event).body) == {"AWS_LAMBDA_RUNTIME_API": OWN_ADDRESS}
        assert [each.release().body for each in held] == [b"waited"] * SEVERAL
        assert serve.log().count("INIT_START") == SEVERAL + 1
