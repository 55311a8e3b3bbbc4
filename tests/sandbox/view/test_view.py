"""Which of the host's files appear where inside, as arguments of bwrap."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.entrypoint import Program, bootstrap_program
from runtime_api.sandbox.view.visible import OPT, TASK, View, hidden_program, mount_arguments, view_of
from tests.sandbox.watch import program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def below(place: str, arguments: Sequence[str | Path | bytes]) -> list[tuple[str, ...]]:
    """The mounts at a place and below it, with their sources."""
    words = [str(argument) for argument in arguments]
    found = []
    for number, word in enumerate(words):
        if word in ("--ro-bind", "--symlink") and f"{words[number + 2]}/".startswith(f"{place}/"):
            found.append(tuple(words[number : number + 3]))
        if word == "--dir" and f"{words[number + 1]}/".startswith(f"{place}/"):
            found.append((word, words[number + 1]))
    return found


def test_a_layer_is_bound_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    arguments = mount_arguments(View(((str(tmp_path), OPT),), ("/srv/tool",)), 1 << 20)
    assert below(OPT, arguments) == [("--dir", OPT), ("--ro-bind", str(tmp_path), OPT)]


def test_a_layer_is_bound_entry_by_entry_beside_files_in_opt_of_this_machine(tmp_path: Path) -> None:
    """If a Python in /opt/tools runs bootjack, for example: nothing can be created in a folder that is bound."""
    for folder in ("bin", "tools/own"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to("bin")
    code = tmp_path / "bin"
    view = View(((str(code), TASK), (str(tmp_path), OPT)), ("/opt/tools/python", "/srv/tool"))
    assert below(OPT, mount_arguments(view, 1 << 20)) == [
        ("--dir", OPT),
        ("--ro-bind", f"{tmp_path}/bin", "/opt/bin"),
        ("--symlink", "bin", "/opt/link"),
        ("--dir", "/opt/tools"),
        ("--ro-bind", f"{tmp_path}/tools/own", "/opt/tools/own"),
    ]
    assert ("--ro-bind", str(code), TASK) in below(TASK, mount_arguments(view, 1 << 20))


def test_a_link_of_a_layer_in_the_place_of_this_machines_files_is_refused(tmp_path: Path) -> None:
    """bwrap would follow it while this machine's root is still there, and create folders where it leads."""
    (tmp_path / "tools").symlink_to("../../oldroot/home")
    view = View(((str(tmp_path), OPT),), ("/opt/tools/python",))
    with pytest.raises(
        OSError, match=r"/opt/tools in .* hides /opt/tools/python of this machine: rename it"
    ) as caught:
        mount_arguments(view, 1 << 20)
    assert caught.value.errno == errno.ENOTDIR


def test_code_that_a_link_names_is_bound_itself(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "link").symlink_to("code")
    view = view_of(Program(tmp_path / "link"))
    assert ("--ro-bind", f"{tmp_path}/code", TASK) in below(TASK, mount_arguments(view, 1 << 20))
    assert view.inside(tmp_path / "link" / "app.py") == f"{TASK}/app.py"


def test_a_folder_that_a_path_leads_through_is_empty_inside(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    view = View((), (), (f"{tmp_path}/a",))
    assert below(str(tmp_path), mount_arguments(view, 1 << 20)) == [
        ("--dir", str(tmp_path)),
        ("--dir", f"{tmp_path}/a"),
    ]


def test_a_program_that_was_named_after_the_opening_is_reported(tmp_path: Path) -> None:
    for name in ("code", "bin"):
        (tmp_path / name).mkdir()
    script = program(tmp_path / "bin" / "run", "#!/bin/sh\n")
    bootstrap = tmp_path / "code" / "bootstrap"
    program(bootstrap, "#!/bin/sh\n")
    view = view_of(bootstrap_program(tmp_path / "code"))
    assert hidden_program("/var/task/bootstrap", view) is None
    program(bootstrap, f"#!{script}\n")
    advice = f"show it with --mount {script}; /var/task/bootstrap leads to it"
    assert hidden_program("/var/task/bootstrap", view) == f"{script} is not visible in the sandbox: {advice}"
    program(bootstrap, "#!/no/such/program\n")
    assert hidden_program("/var/task/bootstrap", view) is None  # the kernel knows what to say


def test_what_is_reported_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "a\nEND b\udcff").mkdir()
    (tmp_path / "code" / "bootstrap").symlink_to(tmp_path / "a\nEND b\udcff")
    (tmp_path / "code" / "a").symlink_to(tmp_path / "a\nEND b\udcff")
    view = view_of(Program(tmp_path / "code", command=("/bin/ls", str(tmp_path / "code" / "a"))))
    (line,) = map(str, view.left_out)
    assert line.isprintable()
    assert "a\\nEND b\\udcff" in line
