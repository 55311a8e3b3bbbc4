"""Control groups: where they can be made on machines of several kinds, what is written to them, and what remains."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.bubblewrap.cgroup import Bounds, Hierarchy, find_hierarchies, new_group

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

BOUNDS = Bounds(256 << 20, 1025, 0.5)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """The folder of a process in /proc."""
    folder = tmp_path / "proc"
    folder.mkdir()
    return folder


def describe(proc: Path, groups: str, mounts: Iterable[tuple[str, Path, str, str]]) -> None:
    """Write what the kernel would report: our groups; of each mount the root, the place, the type and the options."""
    lines = [
        f"{30 + number} 1 0:{number} {root} {place} rw,nosuid shared:9 - {kind} {kind} rw,{options}\n"
        for number, (root, place, kind, options) in enumerate(mounts)
    ]
    (proc / "cgroup").write_text(groups)
    (proc / "mountinfo").write_text("22 1 254:0 / / rw - ext4 /dev/vda rw\n" + "".join(lines))


def folder(parent: Path, path: str, subtree: str = "") -> Path:
    """A group of version 2, with the controllers that govern the groups below it."""
    made = parent / path
    made.mkdir(parents=True, exist_ok=True)
    (made / "cgroup.subtree_control").write_text(subtree + "\n")
    return made


def test_version_2_groups_are_made_beside_our_own(proc: Path, tmp_path: Path) -> None:
    root = folder(tmp_path, "sys", "cpuset cpu io memory pids")
    folder(root, "user.slice", "cpu memory pids")
    app = folder(root, "user.slice/app.slice", "cpu memory pids")
    folder(app, "terminal.scope")
    describe(proc, "0::/user.slice/app.slice/terminal.scope\n", [("/", root, "cgroup2", "nsdelegate")])
    assert find_hierarchies(proc) == [Hierarchy(2, frozenset({"cpu", "memory", "pids"}), app)]


def test_groups_are_made_further_up_where_more_controllers_govern(proc: Path, tmp_path: Path) -> None:
    root = folder(tmp_path, "sys", "cpu memory pids")
    folder(root, "user.slice", "memory pids")
    folder(root, "user.slice/session.scope")
    describe(proc, "0::/user.slice/session.scope\n", [("/", root, "cgroup2", "")])
    assert find_hierarchies(proc) == [Hierarchy(2, frozenset({"cpu", "memory", "pids"}), root)]


def test_version_1_groups_are_made_in_our_own_group_of_each_controller(proc: Path, tmp_path: Path) -> None:
    memory, cpu = tmp_path / "memory", tmp_path / "cpu,cpuacct"
    (memory / "build/7").mkdir(parents=True)
    cpu.mkdir()
    mounts = [
        ("/", memory, "cgroup", "memory"),
        ("/", cpu, "cgroup", "cpu,cpuacct"),
        ("/", tmp_path, "cgroup", "devices"),
    ]
    describe(proc, "5:devices:/\n4:memory:/build/7\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/\n", mounts)
    assert find_hierarchies(proc) == [
        Hierarchy(1, frozenset({"memory"}), memory / "build/7"),
        Hierarchy(1, frozenset({"cpu"}), cpu),
    ]


def test_a_container_may_see_only_its_part_of_the_tree(proc: Path, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    (memory / "inner").mkdir(parents=True)
    describe(proc, "4:memory:/docker/0123/inner\n", [("/docker/0123", memory, "cgroup", "memory")])
    assert find_hierarchies(proc) == [Hierarchy(1, frozenset({"memory"}), memory / "inner")]


@pytest.mark.parametrize("groups", ["", "0::/\n", "4:memory:/\n"])
def test_without_a_mount_there_are_none(proc: Path, groups: str) -> None:
    describe(proc, groups, [])
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
def test_the_files_of_a_group(version: int, written: dict[str, str], tmp_path: Path) -> None:
    hierarchy = Hierarchy(version, frozenset({"memory", "pids", "cpu"}), tmp_path)
    assert dict(hierarchy.settings(BOUNDS)) == written


def test_processor_time_is_limited_only_on_request(tmp_path: Path) -> None:
    hierarchy = Hierarchy(2, frozenset({"memory", "pids", "cpu"}), tmp_path)
    assert "cpu.max" not in dict(hierarchy.settings(Bounds(1, 1)))


def test_groups_have_different_names_and_are_removed(tmp_path: Path) -> None:
    hierarchy = Hierarchy(2, frozenset({"memory"}), tmp_path)
    groups = [new_group([hierarchy], BOUNDS) for _ in range(3)]
    assert len(list(tmp_path.iterdir())) == 3
    for group in groups:
        assert group is not None
        assert group.killed() == 0
        group.remove()
    assert list(tmp_path.iterdir()) == []


def test_without_a_writable_place_there_is_no_group(tmp_path: Path) -> None:
    assert new_group([], BOUNDS) is None
    assert new_group([Hierarchy(2, frozenset({"memory"}), tmp_path / "nowhere")], BOUNDS) is None


@pytest.fixture
def ended() -> Iterator[int]:
    """The pid of a process that has ended."""
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
        yield process.pid


def test_groups_of_a_killed_server_are_removed_by_the_next_one(proc: Path, tmp_path: Path, ended: int) -> None:
    root = folder(tmp_path, "sys", "memory pids")
    own = folder(root, "own.scope")
    left, used, other = root / f"bootjack-{ended}-1", root / f"bootjack-{os.getpid()}-9999", root / "bootjack-x"
    for group in (left, used, other):
        group.mkdir()
    describe(proc, f"0::/{own.name}\n", [("/", root, "cgroup2", "")])
    assert find_hierarchies(proc)
    assert [group.exists() for group in (left, used, other)] == [False, True, True]
