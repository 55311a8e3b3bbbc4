"""Control groups: where they may be made on machines of several kinds, what is written to them, and what is left."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.cgroup import Bounds, Hierarchy, find_hierarchies, new_group

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

BOUNDS = Bounds(256 << 20, 1025, 0.5)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A process's folder in /proc."""
    folder = tmp_path / "proc"
    folder.mkdir()
    return folder


def tell(proc: Path, groups: str, mounts: Iterable[tuple[str, Path, str, str]]) -> None:
    """Write what the kernel would say: our groups; of each mount the root, the place, the kind and the options."""
    lines = [
        f"{30 + number} 1 0:{number} {root} {place} rw,nosuid shared:9 - {kind} {kind} rw,{options}\n"
        for number, (root, place, kind, options) in enumerate(mounts)
    ]
    (proc / "cgroup").write_text(groups)
    (proc / "mountinfo").write_text("22 1 254:0 / / rw - ext4 /dev/vda rw\n" + "".join(lines))


def folder(parent: Path, path: str, subtree: str = "") -> Path:
    """A group of version 2, with the controllers that govern those below it."""
    made = parent / path
    made.mkdir(parents=True, exist_ok=True)
    (made / "cgroup.subtree_control").write_text(subtree + "\n")
    return made


def test_version_2_makes_groups_beside_our_own(proc: Path, tmp_path: Path) -> None:
    root = folder(tmp_path, "sys", "cpuset cpu io memory pids")
    folder(root, "user.slice", "cpu memory pids")
    app = folder(root, "user.slice/app.slice", "cpu memory pids")
    folder(app, "terminal.scope")
    tell(proc, "0::/user.slice/app.slice/terminal.scope\n", [("/", root, "cgroup2", "nsdelegate")])
    assert find_hierarchies(proc) == [Hierarchy(2, frozenset({"cpu", "memory", "pids"}), app)]


def test_where_more_controllers_reach_further_up_groups_are_made_there(proc: Path, tmp_path: Path) -> None:
    root = folder(tmp_path, "sys", "cpu memory pids")
    folder(root, "user.slice", "memory pids")
    folder(root, "user.slice/session.scope")
    tell(proc, "0::/user.slice/session.scope\n", [("/", root, "cgroup2", "")])
    assert find_hierarchies(proc) == [Hierarchy(2, frozenset({"cpu", "memory", "pids"}), root)]


def test_version_1_makes_groups_in_our_own_of_each_controller(proc: Path, tmp_path: Path) -> None:
    memory, cpu = tmp_path / "memory", tmp_path / "cpu,cpuacct"
    (memory / "build/7").mkdir(parents=True)
    cpu.mkdir()
    mounts = [
        ("/", memory, "cgroup", "memory"),
        ("/", cpu, "cgroup", "cpu,cpuacct"),
        ("/", tmp_path, "cgroup", "devices"),
    ]
    tell(proc, "5:devices:/\n4:memory:/build/7\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/\n", mounts)
    assert find_hierarchies(proc) == [
        Hierarchy(1, frozenset({"memory"}), memory / "build/7"),
        Hierarchy(1, frozenset({"cpu"}), cpu),
    ]


def test_a_container_that_sees_only_its_own_part_of_the_tree(proc: Path, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    (memory / "inner").mkdir(parents=True)
    tell(proc, "4:memory:/docker/0123/inner\n", [("/docker/0123", memory, "cgroup", "memory")])
    assert find_hierarchies(proc) == [Hierarchy(1, frozenset({"memory"}), memory / "inner")]


@pytest.mark.parametrize("groups", ["", "0::/\n", "4:memory:/\n"])
def test_where_nothing_is_mounted_there_are_none(proc: Path, groups: str) -> None:
    tell(proc, groups, [])
    assert find_hierarchies(proc) == []


def test_without_proc_there_are_none(tmp_path: Path) -> None:
    assert find_hierarchies(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("version", "written"),
    [
        (
            2,
            {
                "memory.max": "268435456",
                "memory.swap.max": "0",
                "pids.max": "1025",
                "cpu.max": "50000 100000",
            },
        ),
        (
            1,
            {
                "memory.limit_in_bytes": "268435456",
                "memory.memsw.limit_in_bytes": "268435456",
                "pids.max": "1025",
                "cpu.cfs_quota_us": "50000",
            },
        ),
    ],
)
def test_what_is_written_to_a_group(version: int, written: dict[str, str], tmp_path: Path) -> None:
    hierarchy = Hierarchy(version, frozenset({"memory", "pids", "cpu"}), tmp_path)
    assert dict(hierarchy.settings(BOUNDS)) == written


def test_a_share_of_the_processors_is_bounded_only_when_asked_for(tmp_path: Path) -> None:
    hierarchy = Hierarchy(2, frozenset({"memory", "pids", "cpu"}), tmp_path)
    assert "cpu.max" not in dict(hierarchy.settings(Bounds(1, 1)))


def test_a_group_comes_and_goes_and_none_has_anothers_name(tmp_path: Path) -> None:
    hierarchy = Hierarchy(2, frozenset({"memory"}), tmp_path)
    groups = [new_group([hierarchy], BOUNDS) for _ in range(3)]
    assert len(list(tmp_path.iterdir())) == 3
    for group in groups:
        assert group is not None
        assert group.killed() == 0
        group.remove()
    assert list(tmp_path.iterdir()) == []


def test_where_no_group_can_be_made_there_is_none(tmp_path: Path) -> None:
    assert new_group([], BOUNDS) is None
    assert new_group([Hierarchy(2, frozenset({"memory"}), tmp_path / "nowhere")], BOUNDS) is None


@pytest.fixture
def ended() -> Iterator[int]:
    """The number of a process that has ended."""
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
        yield process.pid


def test_what_a_killed_server_left_is_removed_by_the_next(proc: Path, tmp_path: Path, ended: int) -> None:
    root = folder(tmp_path, "sys", "memory pids")
    own = folder(root, "own.scope")
    left, used, other = root / f"bootjack-{ended}-1", root / f"bootjack-{os.getpid()}-9999", root / "bootjack-x"
    for group in (left, used, other):
        group.mkdir()
    tell(proc, f"0::/{own.name}\n", [("/", root, "cgroup2", "")])
    assert find_hierarchies(proc)
    assert [group.exists() for group in (left, used, other)] == [False, True, True]
