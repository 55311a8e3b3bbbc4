"""Projects that are after the user's files, in bubblewrap: what the function finds when it reads them.

Each has one of the ways in which a project can point out of itself. More: `tests/sandbox/view/views_hostile.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.e2e.ordinary import User, ordinary_user
from tests.e2e.running import BOOTJACK, Ended, bootjack
from tests.sandbox.view.worlds import SECRET, Link, Script, build
from tests.sandbox.watch import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.sandbox.view.worlds import Content

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]

# Answers with what it finds at the paths of its event.
READER = """
import http.client, json, os
runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
path = "/2018-06-01/runtime/invocation/"
while True:
    runtime.request("GET", path + "next")
    answer = runtime.getresponse()
    event, request = json.loads(answer.read()), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    found = {}
    for name in event:
        try:
            found[name] = ",".join(os.listdir(name)) if os.path.isdir(name) else open(name, errors="replace").read()
        except OSError as error:
            found[name] = type(error).__name__
    runtime.request("POST", path + request + "/response", json.dumps(found))
    runtime.getresponse().read()
"""
EXEC = f'exec {INTERPRETER} -I -S "$LAMBDA_TASK_ROOT/reader.py"\n'
SECRETS: dict[str, Content] = {
    "~/.ssh/id_rsa": SECRET,
    "~/.local/share/keyrings/login": SECRET,
    "~/private/key": SECRET,
    "~/private/bin/deploy": Script(f"#!/bin/sh\n# {SECRET}\n"),
}
FILES = tuple(SECRETS)
SHELLS = ("~/private/bin/shell", "~/.local/bin/shell")  # copies of bash
BOOTSTRAP = "~/code/bootstrap"
RUN = (INTERPRETER, "-I", "-S", "reader.py")
ENVIRONMENT: dict[str, Content] = {
    BOOTSTRAP: Script("#!~/code/.venv/bin/python -I\n" + READER),
    "~/code/.venv/bin/python": Link(INTERPRETER),
    "~/code/.venv/pyvenv.cfg": f"home = {Path(INTERPRETER).parent}\n",
}


class Attack(NamedTuple):
    """A project, and how its user runs it."""

    tree: Mapping[str, Content]
    command: tuple[str, ...] = ()  # none: the bootstrap runs
    log: str = ""  # what the user is told
    mounts: tuple[str, ...] = ()


def shell(line: str) -> Attack:
    """A bootstrap whose interpreter is the user's copy of bash."""
    return Attack({BOOTSTRAP: Script(f"#!{line}\n{EXEC}")})


def path_file(line: str) -> dict[str, Content]:
    version = f"python{'.'.join(Path(INTERPRETER).name.removeprefix('python').split('.')[:2])}"
    return {**ENVIRONMENT, f"~/code/.venv/lib/{version}/site-packages/evil.pth": f"{line}\n"}


ATTACKS = {
    "a bootstrap that is never executed": Attack({BOOTSTRAP: Script("#!~/.ssh/id_rsa\n")}, RUN),
    "a private folder as installation": shell("~/private/bin/shell"),
    "~/.local as installation": shell("~/.local/bin/shell"),
    "the host's root as installation": shell("/opt/../bin/bash"),
    "a bootstrap that links to a key, beside a command": Attack({BOOTSTRAP: Link("~/.ssh/id_rsa")}, RUN),
    "a link to the private folder on the way": Attack(
        {BOOTSTRAP: Script(f"#!~/code/a/bin/shell\n{EXEC}"), "~/code/a": Link("~/private")}
    ),
    "a .pth file for keys": Attack(path_file("~/.ssh"), log="show it with --mount {home}/.ssh; {home}/code/.venv/"),
    "a .pth file with a detour": Attack(
        path_file("~/code/..//code/../private"), log="--mount {home}/private; {home}/code/"
    ),
    "a foreign home": Attack(
        {**ENVIRONMENT, "~/code/.venv/pyvenv.cfg": "home = ~/private/bin\n"},
        log="--mount {home}/private/bin; {home}/code/.venv/pyvenv.cfg leads to it\n",
    ),
    "an argument that is a link": Attack(
        {"~/code/a": Link("~/private/key")}, (*RUN, "{home}/code/a"), log="{home}/private/key is not visible"
    ),
    "a mount that is a link": Attack(
        {"~/code/a": Link("~/private"), BOOTSTRAP: Script(f"#!/bin/sh\n{EXEC}")},
        mounts=("{home}/code/a",),
        log="--mount {home}/private; {home}/code/",
    ),
}


class Machine(NamedTuple):
    """A user with a home full of secrets, who runs projects."""

    user: User

    def run(self, attack: Attack, *looked_for: str) -> Ended:
        home = str(self.user.home)
        build(self.user.home, {**SECRETS, "~/code/reader.py": READER, **attack.tree})
        for path in SHELLS:
            place = Path(path.replace("~", home))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy("/bin/bash", place)
        if os.geteuid() != self.user.number:
            for folder, folders, files in os.walk(home):
                for name in (".", *folders, *files):
                    os.chown(Path(folder, name), self.user.number, self.user.number, follow_symlinks=False)
        mounts = [word for path in attack.mounts for word in ("--mount", path.format(home=home))]
        target = ("--", *(word.format(home=home) for word in attack.command)) if attack.command else (".",)
        event = json.dumps([path.replace("~", home) for path in (*FILES, *looked_for)])
        options = ("--sandbox", "bubblewrap", "-m", "512", "-t", "10", *mounts, "-e", event)
        environment = {**self.user.environment, "PRIVATE_VARIABLE": SECRET}
        return bootjack(
            "invoke", *options, *target, cwd=self.user.home / "code", command=self.user.command, env=environment
        )


@pytest.fixture(params=["root", "ordinary user"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A folder that every user may reach. Where the tests are not root's, both are the user who runs them."""
    folder = Path(tempfile.mkdtemp(prefix="bootjack-", dir="/tmp"))
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    try:
        root = User((BOOTJACK,), home, os.geteuid())
        yield Machine(root if request.param == "root" else ordinary_user(home))
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_the_function_finds_no_secret(attack: Attack, machine: Machine) -> None:
    ended = machine.run(attack)
    assert ended.code == 0, ended
    found = json.loads(ended.out)
    assert set(found.values()) == {"FileNotFoundError"}
    assert attack.log.format(home=machine.user.home) in ended.err, ended


def test_the_hosts_root_is_not_the_functions(machine: Machine) -> None:
    found = json.loads(machine.run(shell("/opt/../bin/bash"), "/", "/etc").out)
    assert not {"boot", "media", "mnt", "run", "srv", "sys"} & set(found["/"].split(","))
    assert "shadow" not in found["/etc"].split(",")


def test_the_servers_variables_are_not_the_functions(machine: Machine) -> None:
    ended = machine.run(Attack({}, (*RUN, "/proc/self/environ")), "/proc/self/environ", "/proc/1/environ")
    assert "AWS_LAMBDA_RUNTIME_API" in ended.out.decode()
    assert ended.out.decode().count(SECRET) == 0


REFUSED = {
    "a key": (
        {BOOTSTRAP: Link("~/.ssh/id_rsa")},
        "{home}/.ssh/id_rsa is not visible in the sandbox: it is no program; /var/task/bootstrap leads",
    ),
    "a private script": ({BOOTSTRAP: Link("~/private/bin/deploy")}, "show it with --mount {home}/private/bin/deploy"),
    "a neighbour, relative": (
        {BOOTSTRAP: Link("../other")},
        "which is not in the sandbox: put the file itself in its",
    ),
    "a first line": (
        {BOOTSTRAP: Script("#!~/.ssh/id_rsa\n")},
        "id_rsa is not visible in the sandbox: it is no program; /var/task/bootstrap leads to it",
    ),
}


@pytest.mark.parametrize(("tree", "message"), REFUSED.values(), ids=REFUSED)
def test_a_bootstrap_that_leads_out_of_the_code_is_refused_with_the_reason(
    tree: dict[str, Content], message: str, machine: Machine
) -> None:
    ended = machine.run(Attack({"~/other": Script("#!/bin/sh\n"), **tree}))
    assert ended.code == 1, ended
    assert message.format(home=machine.user.home) in ended.err, ended
    assert SECRET.encode() not in ended.out
