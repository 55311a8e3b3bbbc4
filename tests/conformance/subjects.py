"""The bootstraps under test: bootjack's two, AWS's, those of @vercel/fun, and small ones in other languages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import bootjack_bootstrap
from runtime_api.conformance.baseline_file import read_baseline
from tests import peers

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.conformance.baseline import Known

__all__ = ["OURS", "OURS_IN_NODE", "SUBJECTS", "Subject", "baseline"]

BASELINES = Path(__file__).parent / "baselines"
SMALL = Path(__file__).parent / "bootstraps"
NODE = Path(bootjack_bootstrap.__file__).with_name("node") / "bootstrap.cjs"
BASH = Path(__file__).parents[2] / "examples" / "bash-runtime" / "bootstrap"


class Subject(NamedTuple):
    """A bootstrap: the name of its baseline, its title, the language of its handler, and its command."""

    name: str
    title: str
    language: str
    command: Callable[[], tuple[str, ...]]  # called when it is judged, because a peer may not be installed


def _which(program: str) -> str:
    """The program's path, or its name, which then fails to start."""
    return shutil.which(program) or program


def _fun(runtime: str, *interpreter: str) -> tuple[str, ...]:
    home = peers.fun() / "runtimes" / runtime
    program = (*interpreter, str(home / "bootstrap.py")) if interpreter else (str(home / "bootstrap"),)
    return ("/usr/bin/env", f"LAMBDA_RUNTIME_DIR={home}", *program)


OURS = Subject("bootjack", "bootjack", "python", lambda: (sys.executable, "-m", "bootjack_bootstrap", "{handler}"))
OURS_IN_NODE = Subject(
    "bootjack-node", "bootjack (Node.js)", "node", lambda: (_which("node"), str(NODE), "{handler}")
)
SUBJECTS = (
    OURS_IN_NODE,
    Subject(
        "awslambdaric",
        "AWS's awslambdaric (Python)",
        "python",
        lambda: (sys.executable, "-m", "awslambdaric", "{handler}"),
    ),
    Subject(
        "aws-lambda-ric",
        "AWS's aws-lambda-ric (Node.js)",
        "node",
        lambda: (_which("node"), str(peers.lambda_ric())),
    ),
    Subject(
        "aws-lambda-ric-3",
        "AWS's aws-lambda-ric 3 (Node.js)",
        "node",
        lambda: (_which("node"), str(peers.older_lambda_ric()), "{handler}"),
    ),
    Subject("vercel-fun-node", "@vercel/fun (Node.js)", "node", lambda: _fun("nodejs")),
    Subject("vercel-fun-python", "@vercel/fun (Python)", "python", lambda: _fun("python", sys.executable)),
    Subject("node", "a small bootstrap in Node.js", "node", lambda: (_which("node"), str(SMALL / "node.js"))),
    Subject(
        "ruby",
        "a small bootstrap in Ruby",
        "ruby",
        lambda: (_which("ruby"), "--encoding=UTF-8", str(SMALL / "ruby.rb")),
    ),
    Subject("bash-runtime", "the developer guide's bootstrap in bash", "bash", lambda: ("/bin/bash", str(BASH))),
)


def baseline(subject: Subject) -> dict[str, Known]:
    """The deviations that are known, with those of the Node.js that runs here where versions differ."""
    files = [BASELINES / f"{subject.name}.json"]
    before_19 = BASELINES / f"{subject.name}-before-19.json"
    if before_19.is_file() and _node_version() < 19:
        files.append(before_19)
    return {case: known for file in files if file.is_file() for case, known in read_baseline(file).items()}


def _node_version() -> int:
    shown = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    return int(shown.removeprefix("v").partition(".")[0])
