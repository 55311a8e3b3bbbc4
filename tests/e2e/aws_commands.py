"""Many commands of one AWS CLI, with fake credentials and without this machine's settings."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from runtime_api.service.operations import model
from tests.e2e.clients import CREDENTIALS, SETTINGS
from tests.e2e.running import Ended, bare_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Run = Callable[[list[str], Path, Mapping[str, str]], Ended]

__all__ = ["OPERATIONS", "REGION", "Lambda", "ready"]

FORKS = Path(__file__).with_name("aws_forks.py")
REGION = "us-west-2"
SECONDS = 60
# By the command's name.
OPERATIONS = {xform_name(name, "-"): name for name in model().operations}
SETTINGS_OF_ALL = {**CREDENTIALS, **SETTINGS, "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": ""}


@contextlib.contextmanager
def ready(program: str) -> Iterator[Run]:
    """Get an AWS CLI ready; gives what runs it with these words, in this folder, with these variables besides."""
    first = Path(program).read_bytes()[:200].decode(errors="replace").partition("\n")[0]
    if first.startswith("#!") and "python" in first:
        with _forks(shlex.split(first[2:])) as run:
            yield run
    else:  # of AWS's installer, which brings its own Python along and shows it to nobody

        def run_program(words: list[str], folder: Path, variables: Mapping[str, str]) -> Ended:
            environment = bare_environment({**SETTINGS_OF_ALL, **variables})
            ended = subprocess.run(
                [program, *words], env=environment, cwd=folder, capture_output=True, timeout=SECONDS, check=False
            )
            return Ended(ended.returncode, ended.stdout, ended.stderr.decode())

        yield run_program


@contextlib.contextmanager
def _forks(python: list[str]) -> Iterator[Run]:
    process = subprocess.Popen(
        [*python, "-I", str(FORKS)],
        env=bare_environment(SETTINGS_OF_ALL),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asking, answers = process.stdin, process.stdout

    def run(words: list[str], folder: Path, variables: Mapping[str, str]) -> Ended:
        asked = {"words": words, "folder": os.fspath(folder), "environment": dict(variables)}
        asking.write(json.dumps(asked) + "\n")
        asking.flush()
        answer = json.loads(answers.readline())
        return Ended(answer["code"], answer["out"].encode(), answer["err"])

    with process:
        yield run


class Lambda:
    """`aws lambda` in a folder, at a server."""

    def __init__(self, run: Run, url: str, folder: Path, *options: str, account: str = "123456789012") -> None:
        self.folder = folder
        self._run = run
        self._variables = {"AWS_ACCESS_KEY_ID": account}
        self._options = ["--endpoint-url", url, *options, "lambda"]

    def __call__(self, command: str) -> Any:
        """Run a command, which must succeed, and return what it prints as JSON."""
        ended = self._ended(command)
        assert ended.code == 0, (command, ended.err)
        return json.loads(ended.out) if ended.out else None

    def text(self, command: str) -> str:
        """Run a command for people: with `--output text`."""
        return self._ended(f"{command} --output text").out.decode().strip()

    def refused(self, command: str) -> str:
        """Run a command that must fail, and return what it says."""
        ended = self._ended(command)
        assert ended.code not in (0, 255), (command, ended)
        return ended.err

    def invoke(self, name: str, payload: str = "", options: str = "") -> tuple[Any, str]:
        """Invoke; returns what the command prints and what the function answers."""
        sent = f"--payload {shlex.quote(payload)}" if payload else ""
        printed = self(f"invoke --function-name {name} {sent} {options} response.txt")
        return printed, (self.folder / "response.txt").read_text()

    def _ended(self, command: str) -> Ended:
        return self._run([*self._options, *shlex.split(command)], self.folder, self._variables)
