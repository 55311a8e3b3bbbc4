"""The temporary directory of a plain process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runtime_api.sandbox import Launch
from runtime_api.sandbox.plain.left_behind import remove_prefixed
from runtime_api.sandbox.plain.own_tmp import OwnTmp, new_prefix


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the directories are made."""
    place = tmp_path / "host"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    return place


def _launch(**variables: str) -> Launch:
    return Launch("runtime", ("/bin/true",), Path("/"), variables)


def _named(tmp: OwnTmp) -> Path:
    return Path(tmp.given(_launch()).variables["TMPDIR"])


def test_the_processes_of_an_environment_share_a_directory_and_two_environments_do_not() -> None:
    prefix = new_prefix()
    one, other = OwnTmp(prefix), OwnTmp(prefix)
    assert _named(one) == _named(one) != _named(other)
    assert _named(one).stat().st_mode & 0o777 == 0o700


def test_it_goes_with_all_that_is_in_it(place: Path) -> None:
    tmp = OwnTmp(new_prefix())
    (_named(tmp) / "deep" / "deeper").mkdir(parents=True)
    asyncio.run(tmp.remove())
    assert list(place.iterdir()) == []


def test_an_empty_one_goes_and_one_that_was_never_made_is_no_error(place: Path) -> None:
    used, unused = OwnTmp(new_prefix()), OwnTmp(new_prefix())
    _named(used)
    asyncio.run(used.remove())
    asyncio.run(unused.remove())
    assert list(place.iterdir()) == []


def test_a_directory_that_the_user_has_chosen_stays(place: Path) -> None:
    launch = _launch(TMPDIR="/elsewhere")
    assert OwnTmp(new_prefix()).given(launch) == launch
    assert list(place.iterdir()) == []


def test_a_process_starts_without_one_where_none_can_be_made(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(place / "missing"))
    launch = _launch()
    assert OwnTmp(new_prefix()).given(launch) == launch


def test_what_a_killed_server_leaves_is_removed_and_nothing_else(place: Path) -> None:
    prefix = new_prefix()
    (_named(OwnTmp(prefix)) / "file").touch()
    other = _named(OwnTmp(new_prefix()))
    remove_prefixed(prefix)
    assert list(place.iterdir()) == [other]


def test_the_directory_is_named_absolutely_where_the_host_s_is_not(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    monkeypatch.chdir(place.parent)
    monkeypatch.setenv("TMPDIR", place.name)
    assert _named(OwnTmp(new_prefix())).parent == place
