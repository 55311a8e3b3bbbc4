"""Whatever lies in a project and a layer, their function sees none of the user's secrets."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_api.sandbox.entrypoint import bootstrap_program, command_program
from runtime_api.sandbox.view import view_of
from tests.sandbox.view_cases import BUILT, PYENV, venv
from tests.sandbox.worlds import SECRET, Binary, Link, Script, build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime_api.sandbox.view import View
    from tests.sandbox.worlds import Content

KEPT: dict[str, Content] = {
    **PYENV,
    **venv("~/other/.venv"),
    "~/other/.venv/lib/python3.12/site-packages/own.pth": "~/other/src\n",
    "~/other/src/app.py": SECRET,
    "~/.ssh/id_rsa": SECRET,
    "~/.bashrc": SECRET,
    "~/private/key": SECRET,
    "~/private/bin/x": Binary(("one.so",), "$ORIGIN/../lib"),
    "~/private/bin/deploy": Script(SECRET),
    "~/private/lib/one.so": Binary(mode=0o644),
    "~/private/lib/data": SECRET,
    "~/private/versions/1": SECRET,
    "~/.local/bin/python3.13": Binary(),
    "~/.local/bin/deploy": Script(f"#!/bin/sh\n{SECRET}"),
    "~/.local/lib/python3.13/os.py": "",
    "~/.local/share/keyrings/login": SECRET,
    "~/inplace/pyvenv.cfg": f"home = {BUILT}/bin\n",
    "~/inplace/bin/python": Link(f"{BUILT}/bin/python3"),
    "~/inplace/lib/python3.12/site-packages/a.py": "",
    "~/inplace/settings.py": SECRET,
    "~/link": Link("private"),
    "~/tidy/bin/x": Binary(),
    "~/tidy/share/key": SECRET,
}
PLACES = (
    "~/code",
    "~/private/lib",
    "~/private/bin",
    "~/private",
    "~/.local/lib",
    "~/inplace/lib",
    "~/.ssh/bin",
    "~/bin",
    "~/tidy/lib",
)
POINTS = (
    *(
        "~",
        "/",
        "~/private",
        "~/.ssh",
        "~/link",
        "~/other",
        "~/inplace",
        "~/.local",
        BUILT,
        "{code}",
        "/var/task",
        "/opt",
    ),
    *(
        "~/.ssh/id_rsa",
        "~/private/bin/x",
        "~/tidy/bin/x",
        "~/private/bin/deploy",
        "~/.local/bin/deploy",
        "~/inplace/bin/python",
    ),
    *("~/.local/bin/python3.13", "~/other/.venv/bin/python", "~/.pyenv/shims/python3", f"{BUILT}/bin/python3"),
    *("/proc/self/root", "/proc/1/cwd", "/dev/fd/0", "/usr/bin", "..", ".", "../..", "/usr/lib/python3"),
)
SUFFIXES = (
    "",
    "",
    "",
    "/",
    "/..",
    "/../private",
    "/bin",
    "/bin/python",
    "/.venv/bin/python",
    "//key",
    "/a",
    "/b/../a",
    "/lib",
)
NAMES = (
    *(
        "bootstrap",
        "a",
        "b",
        ".venv",
        ".venv/pyvenv.cfg",
        ".venv/bin",
        ".venv/bin/python",
        ".venv/bin/python3",
        ".venv/lib",
    ),
    *(".venv/lib/python3.12/site-packages", ".venv/lib/python3.12/site-packages/a.pth", "bin/python", "bin/x", "lib"),
    *("python3.12/os.py", "python3.12", "node_modules/npm/package.json", "pyvenv.cfg", "lib/python3.12/os.py"),
    *("shims/x", "installs", "versions", "conda-meta/history", "include/node/node.h", "site-packages"),
)

pointers = st.builds(
    lambda point, suffixes: point + "".join(suffixes),
    st.sampled_from(POINTS),
    st.lists(st.sampled_from(SUFFIXES), max_size=2),
)
contents: st.SearchStrategy[Content] = st.one_of(
    pointers.map(lambda path: Script(f"#!{path}\n")),
    pointers.map(Link),
    pointers.map(lambda path: f"home = {path}\n"),
    st.lists(pointers, max_size=3).map(lambda paths: "".join(f"{path}\n" for path in paths)),
    st.builds(
        lambda name, place, loader: Binary((name, "id_rsa"), place, loader=loader), pointers, pointers, pointers
    ),
    st.none(),
)
projects = st.dictionaries(st.sampled_from(NAMES), contents, max_size=8)


@contextmanager
def machine() -> Iterator[Path]:
    """Give a home with secrets; it is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(os.path.realpath(folder)) / "me"
        build(home, KEPT)
        with mock.patch.dict(os.environ, {"HOME": str(home)}):
            yield home


def write(project: dict[str, Content], folder: Path, home: Path, code: Path) -> None:
    """Write what fits, and nothing through a link: whoever makes a project cannot write anywhere else."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in project.items():
        path = folder / name
        try:
            if os.path.realpath(path) == str(path) and not os.path.lexists(path):
                build(home, {str(path): _placed(content, code)})
        except OSError:  # a file lies where a folder belongs, or a link leads where this user may not look
            continue


def _placed(content: Content, code: Path) -> Content:
    if isinstance(content, str):
        return content.replace("{code}", str(code))
    if isinstance(content, Link | Script):
        return type(content)(content[0].replace("{code}", str(code)))
    return content


def secrets_in(view: View) -> list[str]:
    """The secrets among the files that are visible at their own paths, except those of the function's own folders."""
    own = tuple(f"{outside}/" for outside, _ in view.own)
    return [path for path in _files(view) if not path.startswith(own) and SECRET in _text(path)]


def _files(view: View) -> Iterator[str]:
    for shown in view.others:
        if Path(shown).is_symlink():
            continue
        yield shown
        for folder, _, names in os.walk(shown):
            yield from (f"{folder}/{name}" for name in names if not Path(folder, name).is_symlink())


def _text(path: str) -> str:
    return Path(path).read_text(errors="replace") if Path(path).is_file() else ""


@settings(max_examples=150, deadline=None)
@given(
    projects,
    projects,
    st.sampled_from(PLACES),
    st.sampled_from([None, "bootstrap", "a", "bin/x", ".venv/bin/python"]),
    st.sampled_from(NAMES),
)
def test_no_secret_is_visible(
    project: dict[str, Content], layer: dict[str, Content], place: str, command: str | None, argument: str
) -> None:
    with machine() as home:
        code = home / place[2:]
        write(project, code, home, code)
        write(layer, home / "layers" / "one", home, code)
        program = bootstrap_program(code, (home / "layers" / "one",))
        if command is not None:
            program = command_program((str(code / command), str(code / "a"), str(code / argument)), code) or program
        view = view_of(program)
        assert secrets_in(view) == []
        assert not {"/", "/etc", "/opt", "/tmp", "/var", "/proc", "/dev", str(home)} & set(view.others)
