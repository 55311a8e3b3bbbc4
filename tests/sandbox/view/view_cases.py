"""What a case of the corpus is, and the installations that many of them have."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.sandbox.view.worlds import Binary, Link, Script

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.sandbox.view.worlds import Content

__all__ = ["BASE", "BOOTSTRAP", "BUILT", "ENVIRONMENT", "PATH_FILE", "PYENV", "VENV", "Case", "venv"]


class Case(NamedTuple):
    """A project on a machine, and what its function sees of the machine."""

    name: str
    tree: Mapping[str, Content]
    shown: tuple[str, ...] = ()
    command: tuple[str, ...] = ()  # none: the bootstrap runs
    mounts: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()  # what the user is told of
    folders: tuple[str, ...] = ()  # that are empty inside
    code: str = "~/code"


BOOTSTRAP = "~/code/bootstrap"
BUILT = "~/.pyenv/versions/3.12.1"
BASE: dict[str, Content] = {
    f"{BUILT}/bin/python3.12": Binary(),
    f"{BUILT}/bin/python3": Link("python3.12"),
    f"{BUILT}/lib/python3.12/os.py": "",
    f"{BUILT}/share/man": None,
}
PYENV: dict[str, Content] = {
    **BASE,
    "~/.pyenv/shims/python3": Script("#!/usr/bin/env bash\n"),
    "~/.pyenv/libexec/pyenv": Script("#!/usr/bin/env bash\n"),
    "~/.pyenv/version": "3.12.1",
}


def venv(folder: str, base: str = f"{BUILT}/bin") -> dict[str, Content]:
    """Make a virtual environment."""
    return {
        f"{folder}/pyvenv.cfg": f"home = {base}\nversion = 3.12.1\n",
        f"{folder}/bin/python": Link("python3"),
        f"{folder}/bin/python3": Link(f"{base}/python3"),
        f"{folder}/lib/python3.12/site-packages/any/__init__.py": "",
        f"{folder}/lib64": Link("lib"),
        f"{folder}/.gitignore": "*",
    }


VENV = {**BASE, **venv("~/code/.venv"), BOOTSTRAP: Script("#!~/code/.venv/bin/python\n")}
ENVIRONMENT = (BUILT, "~/code/.venv")  # what is shown of it
PATH_FILE = "lib/python3.12/site-packages/own.pth"
