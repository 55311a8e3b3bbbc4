"""Which of the host's files appear where inside, as arguments of bwrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.sandbox.view import OPT, TASK, View, mount_arguments

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
