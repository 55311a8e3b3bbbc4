"""Run by the Python of an AWS CLI: runs a command of it for each line of standard input, in a process of its own.

Importing the CLI and reading its models takes longer than most commands do, so both happen once, and each command is
a fork.
"""

import json
import os
import signal
import sys
import tempfile
from typing import IO, Any

from awscli.clidriver import create_clidriver  # type: ignore[import-untyped]

SECONDS = 60
DRIVER = create_clidriver()


def read_models(session: Any) -> None:
    """Read what every command needs. A command run here would start threads, and no fork after it would end."""
    session.get_available_services()
    session.get_paginator_model("lambda")
    session.get_waiter_model("lambda")
    session.create_client("lambda", "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Run a command; returns its exit code, or the negative number of the signal that ended it, and its output."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            sys.exit(run(asked, out, err))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return {"code": code, "out": written(out), "err": written(err)}


def run(asked: dict[str, Any], out: IO[bytes], err: IO[bytes]) -> int:
    """Do in a forked process what the CLI does in one that a shell has started; returns the exit code."""
    signal.alarm(SECONDS)
    os.chdir(asked["folder"])
    os.environ.update(asked["environment"])
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    return int(DRIVER.main(asked["words"]))


def written(file: IO[bytes]) -> str:
    """Return what a command has written."""
    file.seek(0)
    return file.read().decode()


if __name__ == "__main__":
    read_models(DRIVER.session)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
