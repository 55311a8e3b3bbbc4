"""Whatever lies in a project and a layer, their function sees none of the user's secrets."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_api.sandbox.entrypoint import bootstrap_program, command_program
from runtime_api.sandbox.view.visible import OWN_PLACES, view_of
from tests.sandbox.view.view_cases import BUILT, PYENV, venv
from tests.sandbox.view.worlds import SECRET, Binary, Link, Script, build

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runtime_api.sandbox.view.visible import View
    from tests.sandbox.view.worlds import Content

MACHINE: dict[str, Content] = {
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
    "~/tidy/bin/x": Binary(),  # in a folder of which only the secret tells that it is no installation
    "~/tidy/share/key": SECRET,
    "~/layers/one": None,
}
PLACES = [
    "~/code",
    "~/private/lib",
    "~/private/bin",
    "~/private",
    "~/.local/lib",
    "~/inplace/lib",
    "~/.ssh/bin",
    "~/tidy/lib",
]
PROGRAMS = (
    "~/private/bin/x ~/link/bin/x ~/tidy/bin/x ~/private/bin/deploy ~/.local/bin/deploy ~/.local/bin/python3.13 "
    f"~/inplace/bin/python ~/other/.venv/bin/python ~/.pyenv/shims/python3 {BUILT}/bin/python3 ~/.ssh/id_rsa "
    "{code}/.venv/bin/python {code}/a /var/task/.venv/bin/python /opt/.venv/bin/python /opt/a /var/task/bin/x"
).split()
FOLDERS = (
    f"~ / ~/private ~/.ssh ~/link ~/other ~/other/src ~/inplace ~/.local {BUILT} {{code}} /var/task /opt "
    "/proc/self/root /proc/1/cwd /dev/fd/0 /usr/bin .. . ../.. /usr/lib/python3"
).split()
SUFFIXES = (
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
# What a project may hold, and what it may want to be taken for.
NAMES = [
    "a",
    "b",
    ".venv",
    ".venv/pyvenv.cfg",
    ".venv/bin",
    ".venv/bin/python",
    ".venv/bin/python3",
    ".venv/lib",
    "bin/python",
    "bin/x",
    "lib",
    ".venv/lib/python3.12/site-packages",
    ".venv/lib/python3.12/site-packages/a.pth",
    "python3.12/os.py",
    "python3.12",
    "pyvenv.cfg",
    "node_modules/npm/package.json",
    "lib/python3.12/os.py",
    "shims/x",
    "installs",
    "versions",
    "conda-meta/history",
    "site-packages",
]

detours = st.builds("{}{}{}".format, st.sampled_from(FOLDERS), st.sampled_from(SUFFIXES), st.sampled_from(SUFFIXES))
pointers = st.one_of(st.sampled_from(PROGRAMS), st.sampled_from(FOLDERS), detours)
starts: st.SearchStrategy[Content] = st.one_of(
    st.sampled_from(PROGRAMS).map(lambda path: Script(f"#!{path}\n")),
    st.sampled_from(PROGRAMS).map(Link),
    pointers.map(lambda path: Script(f"#!{path}\n")),
    pointers.map(Link),
)
contents: st.SearchStrategy[Content] = st.one_of(
    starts,
    pointers.map(lambda path: f"home = {path}\n"),
    st.lists(pointers, max_size=3).map(lambda paths: "".join(f"{path}\n" for path in paths)),
    st.builds(
        lambda name, place, loader: Binary((name, "id_rsa"), place, loader=loader), pointers, pointers, pointers
    ),
    st.none(),
)
others = st.dictionaries(st.sampled_from(NAMES), contents, max_size=6)
projects = st.builds(lambda start, other: {"bootstrap": start, **other}, starts, others)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with secrets."""
    folder = Path(os.path.realpath(tmp_path_factory.mktemp("machine"))) / "me"
    build(folder, MACHINE)
    with mock.patch.dict(os.environ, {"HOME": str(folder)}):
        yield folder


def write(project: Mapping[str, Content], folder: Path, home: Path, code: Path) -> Iterator[Path]:
    """Write what fits, and nothing through a link: the author of a project cannot write anywhere else.

    Yields what is to be removed afterwards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in project.items():
        path, top = folder / name, folder / name.partition("/")[0]
        try:
            if os.path.realpath(path) == str(path) and not os.path.lexists(path):
                if not os.path.lexists(top):
                    yield top
                build(home, {str(path): _placed(content, code)})
        except OSError:  # a file lies where a folder belongs, or a link leads where this user may not look
            continue


def _placed(content: Content, code: Path) -> Content:
    if isinstance(content, str):
        return content.replace("{code}", str(code))
    if isinstance(content, Link | Script):
        return type(content)(content[0].replace("{code}", str(code)))
    return content


def remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)


def secrets_in(view: View) -> list[str]:
    """The secrets among the files that are visible at their own paths, except those of the function's own folders."""
    own = tuple(f"{outside}/" for outside, _ in view.own)
    return [path for path in _files(view) if not path.startswith(own) and SECRET in _text(path)]


def _files(view: View) -> Iterator[str]:
    for shown in view.others:
        if not Path(shown).is_symlink():
            yield shown
            for folder, _, names in os.walk(shown):
                yield from (f"{folder}/{name}" for name in names if not Path(folder, name).is_symlink())


def _text(path: str) -> str:
    return Path(path).read_text(errors="replace") if Path(path).is_file() else ""


@settings(max_examples=200)
@given(
    projects,
    others,
    st.sampled_from(PLACES),
    st.sampled_from([None, None, "bootstrap", "a", "bin/x", ".venv/bin/python"]),
    st.sampled_from(NAMES),
)
def test_no_secret_is_visible(
    home: Path,
    project: dict[str, Content],
    layer: dict[str, Content],
    place: str,
    command: str | None,
    argument: str,
) -> None:
    code, layers = home / place[2:], (home / "layers" / "one",)
    written = [*write(project, code, home, code), *write(layer, layers[0], home, code)]
    try:
        program = bootstrap_program(code, layers)
        if command is not None:
            program = command_program((str(code / command), str(code / argument)), code, layers) or program
        view = view_of(program)
        assert secrets_in(view) == []
        assert not {*OWN_PLACES, str(home)} & set(view.others)
    finally:
        for path in written:
            remove(path)
